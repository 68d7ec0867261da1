// Writes the figures of the last `npm run bench` (bench-results/, or other folders as arguments, of which
// a later one's benchmarks replace an earlier one's) into docs/performance.md and the README, between
// their marks, and makes the charts beside them.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { chart } from "../tests/bench/lib/chart.ts";
import type { Row } from "../tests/bench/lib/report.ts";
import { charted, figures, headlines, type Results } from "./performance/figures.ts";

const root = join(import.meta.dirname, "..");
const [first = join(root, "bench-results"), ...others] = process.argv.slice(2);
const charts = join(root, "docs/performance");

/** Replaces what is between the marks; they stay. */
async function replaceFigures(path: string, text: string): Promise<void> {
  const page = await readFile(path, "utf8");
  const marks = /(<!-- figures[^\n]*-->\n)[\s\S]*?(<!-- end of figures -->)/;
  if (!marks.test(page)) throw new Error(`${path} has no marks for figures.`);
  await writeFile(
    path,
    page.replace(marks, (_, from, to) => `${from}\n${text}\n${to}`),
  );
}

async function resultsOf(folder: string): Promise<Results> {
  const text = await readFile(join(folder, "results.json"), "utf8").catch(() => {
    throw new Error(`${folder} has no results.json: run npm run bench first.`);
  });
  const { quick, ...results } = JSON.parse(text) as Omit<Results, "quick"> & { quick: boolean };
  return { ...results, quick: quick ? results.rows.map(({ bench }) => bench) : [] };
}

let measured = await resultsOf(first);
for (const folder of others) {
  const later = await resultsOf(folder);
  const isOlder = (bench: string) => !later.rows.some((row) => row.bench === bench);
  measured = {
    ...measured,
    load: Math.max(measured.load ?? 0, later.load ?? 0),
    quick: [...measured.quick.filter(isOlder), ...later.quick],
    rows: [...measured.rows.filter(({ bench }) => isOlder(bench)), ...later.rows],
  };
}

await mkdir(charts, { recursive: true });
const made: string[] = [];
for (const { file, title, axis, rows } of charted(measured.rows)) {
  await writeFile(join(charts, file), chart(title, rows as Row[], axis));
  made.push(`![${title}](performance/${file})`);
}
const pages = ["docs/performance.md", "README.md"].map((page) => join(root, page)) as [
  string,
  string,
];
await replaceFigures(pages[0], figures(measured, made));
await replaceFigures(pages[1], headlines(measured));
const biome = join(root, "node_modules/.bin/biome");
await promisify(execFile)(biome, ["format", "--write", ...pages]);
console.log(`wrote docs/performance.md, README.md and ${made.length} charts`);
