/**
 * Compares a streaming loop of five steps with tools, by a worker next to the database, with the AI SDK
 * alone.
 */
import { runAgents } from "@mayfly/sdk";
import { isStepCount, ToolLoopAgent, tool } from "ai";
import { z } from "zod";
import type { TestDatabase } from "#harness/database";
import { directDoor, Worker } from "#harness/jobs-door";
import { compare } from "../lib/measure.ts";
import { report, reportComparison } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { agentOf, look, makeMeasured, modelUntil, turns } from "./agents.ts";

const startedRun = z.object({ id: z.string() });

export async function measureLoop(db: TestDatabase): Promise<void> {
  const { claims } = await makeMeasured(db.sql);
  const door = await directDoor(db.url, claims);
  let ended: () => void = () => {};
  const watched: typeof door = {
    ...door,
    async call(name, values, form) {
      const answer = await door.call(name, values, form);
      if (name === "end_run") ended();
      return answer;
    },
  };
  const model = modelUntil(turns);
  const work = Worker.start(watched, runAgents(agentOf(model)), { drainOnTermination: false });
  if (work.error) throw work.error;
  const bare = new ToolLoopAgent({
    model,
    tools: { look: tool({ ...look, inputSchema: look.input, execute: look.run }) },
    stopWhen: isStepCount(20),
  });
  const started = { agent: "measured", input: '"Go."', limits: { steps: 20 } };
  const ours = async () => {
    const over = new Promise<void>((resolve) => {
      ended = resolve;
    });
    await door.call("start_run", started, startedRun);
    await over;
  };
  const theirs = async () => {
    const result = await bare.stream({ prompt: "Go." });
    for await (const _part of result.stream);
  };
  const name = `a streaming loop of ${turns} turns, started, done and recorded`;
  const on = "postgres";
  for (let warm = 0; warm < 3; warm++) await ours();
  const times = await compare(rounds(40, 15), ours, theirs);
  reportComparison({ bench: "runs", name, on, against: "bare ToolLoopAgent" }, times);
  const overhead = times.ours.median - times.baseline.median;
  report({
    bench: "runs",
    name: "what Mayfly adds to this loop (goal: 50 ms)",
    on,
    unit: "ms",
    ours: overhead,
  });
  // The CPU time of this process and of its connections. On a busy machine, it says more than the elapsed time.
  const cpu = async (once: () => Promise<void>) => {
    const many = 20;
    const before = { node: process.cpuUsage(), database: door.cpu() };
    for (let n = 0; n < many; n++) await once();
    const node = process.cpuUsage(before.node);
    return (node.user + node.system + door.cpu() - before.database) / 1_000 / many;
  };
  const used = { ours: await cpu(ours), bare: await cpu(theirs) };
  report({
    bench: "runs",
    name: "CPU time of this loop, including the database",
    on,
    unit: "ms",
    ours: used.ours,
    against: "bare ToolLoopAgent",
    baseline: used.bare,
    ratio: used.ours / used.bare,
  });
  await work.data.stop();
  await door.close();
}
