// Adds the figures of the last `npm run bench` to docs/performance/figures.jsonl, which keeps the latest
// figure of each kind. It reads bench-results/, or the folders that the arguments name, in their order.
// Then it writes all figures, with their charts, between the marks in docs/figures.md and the README.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readArguments } from "../examples/arguments.ts";
import { chart } from "../tests/bench/lib/chart.ts";
import type { Row } from "../tests/bench/lib/report.ts";
import {
  charted,
  figures,
  headlines,
  type Measured,
  type Results,
  renewed,
} from "./performance/figures.ts";

const root = join(import.meta.dirname, "..");
const folders = readArguments("[folder...]").words;
if (folders.length === 0) folders.push(join(root, "bench-results"));
const charts = join(root, "docs/performance");

/** Replaces the text between the marks, and keeps the marks. */
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
  return JSON.parse(text);
}

const kept = join(charts, "figures.jsonl");
const lines = (await readFile(kept, "utf8")).split("\n").filter(Boolean);
const results = await Promise.all(folders.map(resultsOf));
const rows = results.reduce(
  renewed,
  lines.map((line) => JSON.parse(line) as Measured),
);
await writeFile(kept, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

await mkdir(charts, { recursive: true });
const made: string[] = [];
for (const { file, title, axis, rows: shown } of charted(rows)) {
  await writeFile(join(charts, file), chart(title, shown as Row[], axis));
  made.push(`![${title}](performance/${file})`);
}
const pages = ["docs/figures.md", "README.md"].map((page) => join(root, page)) as [string, string];
await replaceFigures(pages[0], figures(rows, made));
await replaceFigures(pages[1], headlines(rows));
const biome = join(root, "node_modules/.bin/biome");
await promisify(execFile)(biome, ["format", "--write", ...pages]);
console.log(`wrote docs/figures.md, README.md and ${made.length} charts`);
