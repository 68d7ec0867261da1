// A workflow that ends correctly although its workers are killed at random with kill -9. It counts
// the words of a file, part by part, and enters the count of each part in an account. With its
// idempotency key, each part counts once. This program starts its workers as separate processes.
//   node_modules/.bin/node examples/workflows/killed-at-random.ts [file] [kills] [seed]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workflow } from "@mayfly/sdk";
import { z } from "zod";
import { readArguments, wholeOf } from "../arguments.ts";
import { openProject } from "../jobs/project.ts";

const { words, flags } = readArguments("[file] [kills] [seed] [--worker]");
const { mayfly } = await openProject();
const partOf = (text: string, at: number, of: number) => {
  const words = text.split(/\s+/).filter(Boolean);
  return words.slice(
    Math.floor((words.length * at) / of),
    Math.floor((words.length * (at + 1)) / of),
  );
};
const count = workflow(
  "count",
  z.object({ file: z.string(), account: z.string(), parts: z.number() }),
  async (ctx, { file, account, parts }) => {
    const all = Array.from({ length: parts }, (_, at) => at);
    const counted = await ctx.map(
      "count",
      all,
      (at, each) =>
        each.step("part", async ({ idempotencyKey }) => {
          const words = partOf(await readFile(file, "utf8"), at, parts).length;
          // The effect outside of the workflow: an entry in the account. The account counts each key
          // only once, however often it gets an entry.
          await appendFile(account, `${JSON.stringify({ key: idempotencyKey, words })}\n`);
          return words;
        }),
      { concurrency: 2 },
    );
    await ctx.sleep("100ms");
    return ctx.step("sum", () => counted.reduce((sum, words) => sum + words, 0));
  },
);

if (flags.has("worker")) {
  const { data: agent, error } = await mayfly.spawn({ type: "counter", lifetime: 300 });
  if (error) throw error;
  console.log(agent.id);
  const { error: idle } = await agent.work(count.handlers, { pollMs: 100 });
  if (idle) throw idle;
} else {
  const [file = "README.md", kills = "5", seed = "1"] = words;
  const most = wholeOf("kills", kills, 0, 100);
  const random = from(wholeOf("seed", seed, 0, Number.MAX_SAFE_INTEGER));
  const folder = await mkdtemp(join(tmpdir(), "mayfly-count-"));
  const account = join(folder, "account.jsonl");
  const { data: run, error } = await mayfly.workflows.start(count, { file, account, parts: 40 });
  if (error) throw error;
  let isOver = false;
  const ended = mayfly.jobs.ended(run.id).finally(() => {
    isOver = true;
  });
  let killed = 0;
  while (!isOver) {
    const worker = spawn(process.execPath, [process.argv[1] ?? "", "--worker"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(worker, "close");
    const said = await Promise.race([once(worker.stdout, "data"), exit.then(() => null)]);
    if (said === null) throw new Error("A worker could not start.");
    const id = String(said[0]).trim();
    if (killed < most) {
      // Kills the worker in the middle of its work, after it has written some lines to the account.
      // Time would be no good measure.
      const before = await linesOf(account);
      const more = 1 + Math.floor(random() * 6);
      while (!isOver && (await linesOf(account)) < before + more)
        await new Promise((resolve) => setTimeout(resolve, 5));
    } else await ended;
    worker.kill("SIGKILL");
    await exit;
    if (!isOver) console.log(`killed ${++killed}`);
    // The lease would expire 30 s after the worker's last sign of life. This program knows that the
    // worker is dead, so it stops the agent, which ends the lease at once.
    await mayfly.agents.stop(id, "killed");
  }
  const { data: done, error: unended } = await ended;
  if (unended) throw unended;
  if (done.status !== "succeeded") throw new Error(done.error?.message ?? done.status);
  const told = (await readFile(account, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { key: string; words: number });
  const unique = new Map(told.map(({ key, words }) => [key, words]));
  const right = (await readFile(file, "utf8")).split(/\s+/).filter(Boolean).length;
  const counted = [...unique.values()].reduce((sum, words) => sum + words, 0);
  console.log(
    `${done.status}: ${done.result} words; the account has ${counted} in ${unique.size} parts; the file has ${right}.`,
  );
  console.log(`${told.length - unique.size} effects came twice, with the same key.`);
  await rm(folder, { recursive: true });
  await mayfly.close({ stopAgents: true });
  if (done.result !== right || counted !== right) process.exitCode = 1;
}

async function linesOf(path: string): Promise<number> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").length - 1;
}

/** Random numbers from a seed (mulberry32). */
function from(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
