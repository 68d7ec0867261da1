/**
 * Every benchmark, one after the other: `npm run bench [-- --quick] [names…]`. `jobs:held` runs one part of `jobs`.
 * Prints a table, and writes it as JSON with a chart of the growth to bench-results/. Runs on the Postgres in DATABASE_URL, if
 * set (as a superuser, with pgvector), and on PGlite; with --quick only on the first that is available.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { chart } from "./lib/chart.ts";
import { type Row, round } from "./lib/report.ts";

const all = [
  "spawn",
  "push",
  "recall",
  "quality",
  "messages",
  "nudges",
  "agents",
  "policies",
  "growth",
  "debug",
  "first-record",
  "jobs",
  "workflows",
  "teams",
  "runs",
  "threads",
  "releases",
  "start",
  "transports",
  "peer",
  "console",
];
/** Benchmarks that take minutes even with few rounds, so that --quick leaves them out. */
const notQuick = ["agents", "jobs", "workflows", "teams", "peer", "console", "threads"];
/** Benchmarks that say nothing about a database with one connection. */
const onPostgres = ["push", "recall", "jobs", "workflows", "runs", "teams", "threads", "releases"];

const command = new Command("npm run bench --")
  .description("Runs benchmarks, prints a table, and writes it as JSON with a chart of the growth.")
  .argument("[names...]", `any of ${all.join(", ")}, or parts such as jobs:held (default: all)`)
  .option("--quick", "small sizes, few rounds and one database")
  .option(
    "--out <folder>",
    "where the results are written",
    join(import.meta.dirname, "../../bench-results"),
  )
  .addHelpText("after", "\nDATABASE_URL names a Postgres 17 with pgvector, as a superuser.")
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();
const { quick = false, out } = command.opts<{ quick?: boolean; out: string }>();
const positionals = command.args;
const nameOf = (word: string) => word.split(":", 1)[0] as string;
const unknown = positionals.filter((word) => !all.includes(nameOf(word)));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}. There are ${all.join(", ")}.`);
  process.exit(2);
}
const chosen =
  positionals.length > 0 ? positionals : all.filter((name) => !(quick && notQuick.includes(name)));

const load = loadavg()[0] ?? 0;
const temporary = await mkdtemp(join(tmpdir(), "mayfly-bench-"));
const collected = join(temporary, "rows.jsonl");
const failures: string[] = [];
for (const word of chosen) {
  const [name = "", ...parts] = word.split(":");
  if (onPostgres.includes(name) && !process.env.DATABASE_URL) {
    console.log(`\n${name} is left out: it needs a Postgres 17 that DATABASE_URL names.`);
    continue;
  }
  console.log(`\n${word}`);
  const began = performance.now();
  const words = [join(import.meta.dirname, `${name}.ts`), ...(quick ? ["--quick"] : []), ...parts];
  const child = spawn(process.execPath, words, {
    stdio: "inherit",
    env: { ...process.env, MAYFLY_BENCH_ROWS: collected },
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  console.log(`${name} took ${Math.round((performance.now() - began) / 1000)} s.`);
  if (code !== 0) failures.push(name);
}

const lines = (await readFile(collected, "utf8").catch(() => "")).split("\n").filter(Boolean);
const rows = lines.map((line) => JSON.parse(line) as Row);
await rm(temporary, { recursive: true });
console.log();
console.table(
  rows.map(({ bench, name, size, on, unit, ours, against, baseline, ratio, spread }) => ({
    bench,
    name: size ? `${name} (${size})` : name,
    on,
    ours: `${round(ours)} ${unit}`,
    against: against ?? "",
    baseline: baseline === undefined ? "" : `${round(baseline)} ${unit}`,
    ratio: ratio === undefined ? "" : round(ratio),
    spread: spread ? spread.map(round).join("–") : "",
  })),
);
await mkdir(out, { recursive: true });
const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem() };
const record = {
  at: new Date().toISOString(),
  machine,
  node: process.version,
  quick,
  load,
  whole: chosen.filter((word) => all.includes(word)),
  rows,
};
await writeFile(join(out, "results.json"), `${JSON.stringify(record, null, 2)}\n`);
for (const on of new Set(rows.map((row) => row.on))) {
  const growth = rows.filter((row) => row.bench === "growth" && row.on === on);
  if (growth.length === 0) continue;
  await writeFile(join(out, `growth-${on}.svg`), chart(`Growth on ${on}`, growth));
}
console.log(`Written to ${out}.`);
if (failures.length > 0) {
  console.error(`These failed: ${failures.join(", ")}.`);
  process.exitCode = 1;
}
