/**
 * How long `npm start` takes until it serves, and how much memory it uses when idle:
 * `npm run bench:start [-- --quick]`.
 *
 * Seconds on a shared machine say little. So the benchmark also boots a bare PGlite from the same folder, in
 * its own process and in the same run. It prints this time too, and the ratio of the two times.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { z } from "zod";
import { report } from "./lib/report.ts";
import { quick } from "./lib/target.ts";

const runs = quick ? 1 : 3;
const root = join(import.meta.dirname, "../..");
const goals = { first: 12, existing: 4, memory: 700 };
/** How long to wait before memory is measured, so that the garbage of the start is collected by then. */
const settleMs = quick ? 2_000 : 5_000;

const bare = `
  const { PGlite } = await import("@electric-sql/pglite");
  const pg = await PGlite.create(process.argv[1]);
  await pg.query("select 1");
  process.exit(0);`;

/** Starts a process with a bare PGlite. Returns the seconds until the process has its first answer and ends. */
async function bootBare(folder: string): Promise<number> {
  const before = performance.now();
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", bare, folder], {
    cwd: root,
  });
  return (performance.now() - before) / 1000;
}

interface Run {
  seconds: number;
  /** Resident memory of Node and of Deno, in MB. */
  memory: { node: number; deno: number } | undefined;
}

/** Starts the embedded Supabase, measures the time until it prints "Serving", and stops it. */
async function start(data: string, measureMemory: boolean): Promise<Run> {
  const before = performance.now();
  const words = [join(root, "local/cli.js"), "start", "--data", data, "--json"];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
  let seconds = 0;
  for await (const line of createInterface({ input: child.stderr })) {
    if (seconds > 0) continue;
    const { level, message } = z
      .object({ level: z.string(), message: z.string() })
      .parse(JSON.parse(line));
    if (level === "error") throw new Error(message);
    if (message !== "Serving") continue;
    seconds = (performance.now() - before) / 1000;
    if (measureMemory) await new Promise((resolve) => setTimeout(resolve, settleMs));
    const memory = measureMemory ? await memoryOf(child.pid ?? 0) : undefined;
    child.kill("SIGINT");
    await new Promise((resolve) => child.once("exit", resolve));
    return { seconds, memory };
  }
  throw new Error("It ended before it served.");
}

async function memoryOf(pid: number): Promise<{ node: number; deno: number }> {
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,ppid=,rss=,comm="]);
  const processes = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  const sum = (matches: (words: string[]) => boolean) =>
    processes.filter(matches).reduce((total, words) => total + Number(words[2]) / 1024, 0);
  return {
    node: sum(([own]) => own === String(pid)),
    deno: sum(([, parent, , name]) => parent === String(pid) && name === "deno"),
  };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
const times = async (measure: () => Promise<number>) => {
  const values: number[] = [];
  for (let run = 0; run < runs; run++) values.push(await measure());
  return median(values);
};

function print(what: string, value: number, baseline: number, goal: number): void {
  const ratio = value / baseline;
  const goals = `goal of ${goal} s ${value <= goal ? "met" : "MISSED"}`;
  const name = `${what} (${goals})`;
  const row = { bench: "start", name, on: "pglite", unit: "s", against: "a bare PGlite" };
  report({ ...row, ours: value, baseline, ratio });
}

const folder = await mkdtemp(join(tmpdir(), "mayfly-bench-"));
let fresh = 0;
try {
  const load = loadavg()[0] ?? 0;
  if (load > 1)
    console.log(`The machine is busy (load ${load.toFixed(1)}): trust the ratios only.`);
  const firstBare = await times(() => bootBare(join(folder, `bare-${fresh++}`)));
  const first = await times(async () => (await start(join(folder, `${++fresh}`), false)).seconds);
  print("first start", first, firstBare, goals.first);

  // The folder that the last of the first starts has made.
  const data = join(folder, `${fresh}`);
  const existingBare = await times(() => bootBare(join(data, "db/pgdata")));
  let memory: Run["memory"];
  const existing = await times(async () => {
    const run = await start(data, memory === undefined);
    memory ??= run.memory;
    return run.seconds;
  });
  print("start with an existing folder", existing, existingBare, goals.existing);

  const total = (memory?.node ?? 0) + (memory?.deno ?? 0);
  const met = total <= goals.memory ? "met" : "MISSED";
  const parts = `Node ${memory?.node.toFixed(0)}, Deno ${memory?.deno.toFixed(0)}`;
  const name = `idle memory (${parts}; goal of ${goals.memory} MB ${met})`;
  report({ bench: "start", name, on: "pglite", unit: "MB", ours: total });
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
