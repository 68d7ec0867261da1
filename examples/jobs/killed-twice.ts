// A job that finishes although its worker is killed twice with kill -9 in the middle of a step. Recorded steps
// are not done again. This program starts its workers as separate processes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { HeldJob } from "@mayfly/sdk";
import { readArguments } from "../arguments.ts";
import { openProject } from "./project.ts";

const parts = ["words", "sentences", "longest"] as const;
const { words, flags } = readArguments("[file] [--worker]");
const { mayfly } = await openProject();

if (flags.has("worker")) {
  const { data: agent, error } = await mayfly.spawn({ type: "reader", lifetime: 300 });
  if (error) throw error;
  const { error: idle } = await agent.work({
    read: async ({ file }: { file: string }, job: HeldJob) => {
      const found: Record<string, unknown> = {};
      for (const part of parts)
        found[part] = await job.step(part, async () => {
          console.log(`${part}, attempt ${job.attempt}`);
          // The first two attempts crash after the work, before its result is recorded.
          if (part === parts[job.attempt - 1] && job.attempt < 3) {
            console.log(`dies ${agent.id}`);
            process.kill(process.pid, "SIGKILL");
          }
          return measure(part, await readFile(file, "utf8"));
        });
      return found;
    },
  });
  if (idle) throw idle;
} else {
  const [file = "README.md"] = words;
  const { data: job, error } = await mayfly.jobs.add("read", { file });
  if (error) throw error;
  let isOver = false;
  const ended = mayfly.jobs.ended(job.id).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const worker = spawn(process.execPath, [process.argv[1] ?? "", "--worker"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    worker.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      process.stdout.write(chunk.toString().replace(/dies .*\n/, "  killed\n"));
    });
    const exit = once(worker, "close");
    await Promise.race([exit, ended]);
    worker.kill("SIGKILL");
    await exit;
    // The lease would expire 30 s after the worker's last sign of life. This program knows that the
    // worker is dead, so it stops the agent, which ends the lease at once.
    const dead = /dies (\S+)/.exec(said)?.[1];
    if (dead) await mayfly.agents.stop(dead, "killed");
    else if (!isOver) throw new Error("A worker could not start.");
  }
  const { data: done, error: unended } = await ended;
  if (unended) throw unended;
  if (done.status !== "succeeded") throw new Error(done.error?.message ?? done.status);
  console.log(`${done.status} in attempt ${done.attempt}:`, JSON.stringify(done.result));
  await mayfly.close({ stopAgents: true });
}

function measure(part: (typeof parts)[number], text: string): number | string {
  if (part === "words") return text.split(/\s+/).filter(Boolean).length;
  if (part === "sentences") return text.split(/[.!?](?=\s)/).length;
  return (text.match(/[a-z]+/gi) ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
}
