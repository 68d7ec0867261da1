// Writes the figures of the last `npm run bench` (bench-results/, or another folder as argument) into
// docs/performance.md and the README, between their marks, and makes the charts beside them.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chart } from "../tests/bench/lib/chart.ts";
import type { Row } from "../tests/bench/lib/report.ts";
import { charted, figures, headlines, type Results } from "./performance/figures.ts";

const root = join(import.meta.dirname, "..");
const results = process.argv[2] ?? join(root, "bench-results");
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

const measured = JSON.parse(
  await readFile(join(results, "results.json"), "utf8").catch(() => {
    throw new Error(`${results} has no results.json: run npm run bench first.`);
  }),
) as Results;

await mkdir(charts, { recursive: true });
const made: string[] = [];
for (const { file, title, axis, rows } of charted(measured.rows)) {
  await writeFile(join(charts, file), chart(title, rows as Row[], axis));
  made.push(`![${title}](performance/${file})`);
}
await replaceFigures(join(root, "docs/performance.md"), figures(measured, made));
await replaceFigures(join(root, "README.md"), headlines(measured));
console.log(`wrote docs/performance.md, README.md and ${made.length} charts`);
