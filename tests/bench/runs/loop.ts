/** A five-turn streaming loop with tools by a worker beside the database, and by the AI SDK alone. */
import { runAgents } from "@mayfly/sdk";
import { isStepCount, ToolLoopAgent, tool } from "ai";
import type { TestDatabase } from "#harness/database";
import { directDoor, Worker } from "#harness/jobs-door";
import { compare } from "../lib/measure.ts";
import { report, reportComparison } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { agentOf, look, makeMeasured, modelUntil, startRun, turns } from "./agents.ts";

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
  const ours = async () => {
    const over = new Promise<void>((resolve) => {
      ended = resolve;
    });
    await startRun(db.sql, claims);
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
  report({ bench: "runs", name: "what that adds (goal 50)", on, unit: "ms", ours: overhead });
  await work.data.stop();
  await door.close();
}
