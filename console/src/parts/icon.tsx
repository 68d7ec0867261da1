const paths = {
  now: "M3 6h8M7 12h12M5 18h9",
  agents:
    "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-6 8c0-3 2.500-5 6-5s6 2 6 5M16 5.500a3 3 0 0 1 0 5.300M17.500 14.300c2 .700 3.500 2.400 3.500 4.700",
  teams:
    "M12 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM5 20a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Zm14 0a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM12 8v4m0 0-5.500 3.300M12 12l5.500 3.300",
  stream: "M4 6h16M4 10h10M4 14h13M4 18h7",
  memory:
    "M12 4c4.400 0 8 1.300 8 3s-3.600 3-8 3-8-1.300-8-3 3.600-3 8-3ZM4 7v5c0 1.700 3.600 3 8 3s8-1.300 8-3V7M4 12v5c0 1.700 3.600 3 8 3s8-1.300 8-3v-5",
  work: "M4 7h16v13H4zM9 7V4h6v3M4 12h16",
  workflows: "M4 4h6v5H4zM14 15h6v5h-6zM4 15h6v5H4zM7 9v6M10 17.500h4",
  runs: "M6 4v16M6 8h7a3 3 0 0 1 3 3v0a3 3 0 0 0 3 3h1M17 11l3 3-3 3",
  state:
    "M8 4H6a2 2 0 0 0-2 2v3.500L2.500 12 4 14.500V18a2 2 0 0 0 2 2h2M16 4h2a2 2 0 0 1 2 2v3.500l1.500 2.500-1.500 2.500V18a2 2 0 0 1-2 2h-2",
  channels: "M4 5h16v11H9l-5 4z",
  people: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9c0-4 3.600-6 8-6s8 2 8 6",
  health: "M3 12h4l3-7 4 14 3-7h4",
  approvals:
    "M12 3 4.500 6v5.500c0 4.500 3.200 8 7.500 9.500 4.300-1.500 7.500-5 7.500-9.500V6zM8.500 12l2.500 2.500 4.500-5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 5 5",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "m6 6 12 12M18 6 6 18",
  right: "m9 5 7 7-7 7",
  down: "m5 9 7 7 7-7",
  play: "M7 4.500v15l12-7.500z",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "m4 12 5 5L20 6",
  alert: "M12 3 2 20h20zM12 10v4m0 3v.100",
  send: "M21 3 3 10.500l7 3.500 3.500 7zM10 14l4-4",
  leave: "M14 4h5v16h-5M4 12h11m-4-4 4 4-4 4",
  link: "M10 14a4 4 0 0 0 6 .400l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-6-.400l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500",
  more: "M5 12h.100M12 12h.100M19 12h.100",
  gauge: "M4 18a8.500 8.500 0 1 1 16 0M12 15l4-5",
  zoomIn: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 5 5M8 11h6m-3-3v6",
  zoomOut: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 5 5M8 11h6",
} as const;

export type IconName = keyof typeof paths;

/**
 * A drawing in the colour of the text next to it. It says nothing that the text does not say.
 */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
