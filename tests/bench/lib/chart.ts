/** A chart of growth as SVG: milliseconds by size, with the slope of each line. Both axes are logarithmic. */
import { slope } from "./measure.ts";
import type { Row } from "./report.ts";

const width = 720;
const height = 440;
const left = 64;
const right = 250;
const top = 40;
const bottom = 48;
const colours = [
  "#2a78d6",
  "#d6552a",
  "#1f9d6b",
  "#8a4fd0",
  "#b8860b",
  "#c2437f",
  "#3f9bb5",
  "#7a7f87",
  "#8a5a3c",
];

export function chart(title: string, rows: Row[], axisLabel = "memories of the tenant"): string {
  const lines = new Map<string, { x: number; y: number }[]>();
  for (const { name, size, ours } of rows)
    if (size) lines.set(name, [...(lines.get(name) ?? []), { x: size, y: ours }]);
  const points = [...lines.values()].flat();
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const x = axis(xs, left, width - right);
  const y = axis(ys, height - bottom, top);
  const parts = [
    ...x.ticks.map(
      (
        tick,
      ) => `<line x1="${x.at(tick)}" x2="${x.at(tick)}" y1="${top}" y2="${height - bottom}" class="grid"/>
<text x="${x.at(tick)}" y="${height - bottom + 18}" text-anchor="middle">${tick.toLocaleString("en")}</text>`,
    ),
    ...y.ticks.map(
      (
        tick,
      ) => `<line x1="${left}" x2="${width - right}" y1="${y.at(tick)}" y2="${y.at(tick)}" class="grid"/>
<text x="${left - 8}" y="${y.at(tick) + 4}" text-anchor="end">${tick}</text>`,
    ),
    ...[...lines].map(([name, line], index) => {
      const colour = colours[index % colours.length];
      const path = line.map((point) => `${x.at(point.x)},${y.at(point.y)}`).join(" ");
      const label = top + 8 + index * 40;
      return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>
${line.map((point) => `<circle cx="${x.at(point.x)}" cy="${y.at(point.y)}" r="3.5" fill="${colour}"/>`).join("")}
<rect x="${width - right + 20}" y="${label - 9}" width="12" height="12" fill="${colour}"/>
<text x="${width - right + 40}" y="${label + 1}">${name}</text>
<text x="${width - right + 40}" y="${label + 17}" class="faint">slope ${slope(line).toFixed(2)}</text>`;
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>text{font:12px system-ui,sans-serif;fill:#333}.faint{fill:#777}.grid{stroke:#ddd}.title{font-weight:600;font-size:14px}
@media(prefers-color-scheme:dark){text{fill:#ddd}.faint{fill:#999}.grid{stroke:#444}}</style>
<text x="${left}" y="20" class="title">${title}</text>
${parts.join("\n")}
<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle" class="faint">${axisLabel}</text>
<text x="14" y="${(top + height - bottom) / 2}" transform="rotate(-90 14 ${(top + height - bottom) / 2})" text-anchor="middle" class="faint">milliseconds</text>
</svg>
`;
}

/** Places values on a logarithmic axis from `start` to `end`, with a tick at each power of ten. */
function axis(values: number[], start: number, end: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)),
    at: (value: number) =>
      Math.round((start + ((Math.log10(value) - low) / (high - low)) * (end - start)) * 10) / 10,
  };
}
