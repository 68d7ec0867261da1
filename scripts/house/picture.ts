/** The rooms on their floors, as an SVG picture: docs/architecture.svg. */
import type { Uses } from "./uses.ts";

export interface Floors {
  /** The floors of the SDK and of SQL in one list, from the lowest to the highest. */
  floors: readonly string[];
  /** Whether a room exists on a floor. */
  has: { sdk: (floor: string) => boolean; sql: (floor: string) => boolean };
  uses: { sdk: Uses; sql: Uses };
  /** The existing parts of the repository that use only the public entry of the SDK. */
  users: readonly string[];
}

const row = 46;
const box = { width: 190, height: 30 };
const left = { x: 250, arcs: -1 };
const right = { x: 520, arcs: 1 };
const top = 150;
const width = 960;

const style = `
  text { font: 14px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .head { font-weight: 600; }
  .room { fill: #ddf4ff; stroke: #54aeff; }
  .floor { fill: #fff8c5; stroke: #d4a72c; }
  .user { fill: #f6f8fa; stroke: #8c959f; }
  .use { fill: none; stroke: #8c959f; stroke-width: 1.2; }
  .exception { fill: none; stroke: #cf222e; stroke-width: 1.2; stroke-dasharray: 4 3; }
  .tip { fill: #8c959f; } .exceptional { fill: #cf222e; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; }
    .room { fill: #0c2d6b; stroke: #388bfd; } .floor { fill: #3b2300; stroke: #bb8009; }
    .user { fill: #212830; stroke: #656c76; }
  }`;

export function pictureOf({ floors, has, uses, users }: Floors): string {
  const height = top + (floors.length + 2) * row + 60;
  /** The highest floor comes first. */
  const yOf = (floor: string) => top + (floors.length - floors.indexOf(floor)) * row;
  const rooms = floors.flatMap((floor) => [
    ...(has.sdk(floor) ? [roomAt(left.x, yOf(floor), floor, "sdk/src")] : []),
    ...(has.sql(floor) ? [roomAt(right.x, yOf(floor), floor, "sql")] : []),
  ]);
  const arcs = [
    ...arcsOf(uses.sdk, left.x, left.arcs, yOf, floors),
    ...arcsOf(uses.sql, right.x + box.width, right.arcs, yOf, floors),
  ];
  const bottom = top + (floors.length + 1) * row + 20;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The rooms of Mayfly on their floors">`,
    `<style>${style}\n</style>`,
    marker("tip"),
    marker("exceptional"),
    ...usersRow(users),
    block(left.x, 90, "agent.ts · mayfly.ts · index.ts", "floor"),
    block(right.x, 90, "functions/", "user"),
    `<path class="use" d="M ${right.x} 105 C 480 105 480 ${yOf("contract") + 15} ${left.x + box.width} ${yOf("contract") + 15}" marker-end="url(#tip)"/>`,
    label(left.x, top + 20, "sdk/src", "head"),
    label(right.x, top + 20, "sql", "head"),
    ...rooms,
    ...arcs,
    label(
      left.x - 220,
      bottom + 20,
      "An arrow leads to a room that is used. Uses that follow from other arrows are left out.",
      "small",
    ),
    label(
      left.x - 220,
      bottom + 40,
      "Red: a room uses a later room. sql/rooms.json lists each of these exceptions.",
      "small",
    ),
    "</svg>",
  ].join("\n")}\n`;
}

const label = (x: number, y: number, text: string, kind: string) =>
  `<text x="${x}" y="${y}" class="${kind}">${text}</text>`;

const block = (x: number, y: number, text: string, kind: string) =>
  [
    `<rect class="${kind}" x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6"/>`,
    `<text x="${x + box.width / 2}" y="${y + 20}" text-anchor="middle" class="small">${text}</text>`,
  ].join("\n");

/** Floors that serve every room are labelled. */
const served: Record<string, string> = {
  contract: "contract: what all share",
  link: "link: one connection",
};

const roomAt = (x: number, y: number, room: string, part: string) => {
  const kind = served[room] ? "floor" : "room";
  return [
    `<rect class="${kind}" x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6"><title>${part}/${room}</title></rect>`,
    `<text x="${x + box.width / 2}" y="${y + 20}" text-anchor="middle">${served[room] ?? room}</text>`,
  ].join("\n");
};

const usersRow = (users: readonly string[]) =>
  users.flatMap((user, index) => {
    const x = left.x + (index - (users.length - 1) / 2) * 210;
    const from = x + box.width / 2;
    const to = left.x + box.width / 2;
    return [
      block(x, 20, user, "user"),
      `<path class="use" d="M ${from} 50 C ${from} 70 ${to} 65 ${to} 88" marker-end="url(#tip)"/>`,
    ];
  });

const marker = (kind: string) =>
  `<marker id="${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="${kind}" d="M0 0L8 4L0 8z"/></marker>`;

/**
 * The uses that are drawn as arcs next to their column. The more floors an arc passes, the farther
 * out it is drawn.
 */
function arcsOf(
  uses: Uses,
  x: number,
  side: number,
  yOf: (floor: string) => number,
  floors: readonly string[],
): string[] {
  return [...uses].flatMap(([from, targets]) =>
    [...targets].map((to) => {
      const passed = Math.abs(floors.indexOf(from) - floors.indexOf(to));
      const reach = x + side * (16 + passed * 15);
      const isException = floors.indexOf(to) > floors.indexOf(from);
      const [start, end] = [yOf(from) + (isException ? 8 : 20), yOf(to) + (isException ? 22 : 10)];
      const [kind, tip] = isException ? ["exception", "exceptional"] : ["use", "tip"];
      return `<path class="${kind}" d="M ${x} ${start} C ${reach} ${start} ${reach} ${end} ${x} ${end}" marker-end="url(#${tip})"><title>${from} uses ${to}</title></path>`;
    }),
  );
}
