/**
 * Six ways to work together on one task, and the cost of each:
 *
 *   npm start                                        in another terminal
 *   node_modules/.bin/node examples/teams/index.ts   uses a model with AI_GATEWAY_API_KEY, otherwise a stand-in
 */
import type { Mayfly } from "@mayfly/sdk";
import { readArguments } from "../arguments.ts";
import { openProject } from "../jobs/project.ts";
import { blackboard } from "./blackboard.ts";
import { hierarchy } from "./hierarchy.ts";
import { market } from "./market.ts";
import { openModel } from "./model.ts";
import { orchestrator } from "./orchestrator.ts";
import type { Pattern } from "./pattern.ts";
import { peers } from "./peers.ts";
import { supervisor } from "./supervisor.ts";
import { qualityOf } from "./task.ts";

const patterns: Record<string, Pattern> = {
  supervisor,
  hierarchy,
  orchestrator,
  peers,
  blackboard,
  market,
};

/** What a pattern has cost, and how good its answer is. */
export interface Outcome {
  pattern: string;
  tokens: number;
  ms: number;
  quality: number;
}

/** Runs the patterns one after the other. */
export async function runAll(mayfly: Mayfly): Promise<{ model: string; outcomes: Outcome[] }> {
  const outcomes: Outcome[] = [];
  let name = "";
  for (const [pattern, run] of Object.entries(patterns)) {
    const model = await openModel();
    name = model.name;
    const began = performance.now();
    const found = await run(mayfly, model);
    const ms = Math.round(performance.now() - began);
    outcomes.push({ pattern, tokens: model.tokens, ms, quality: qualityOf(found) });
  }
  return { model: name, outcomes };
}

if (import.meta.main) {
  readArguments();
  const { mayfly } = await openProject();
  const { model, outcomes } = await runAll(mayfly);
  console.log(`With ${model}:`);
  console.table(
    Object.fromEntries(
      outcomes.map(({ pattern, ...rest }) => [
        pattern,
        { ...rest, quality: rest.quality.toFixed(2) },
      ]),
    ),
  );
  await mayfly.close();
}
