import type { RunAnswer, RunDetails, RunToolCall } from "@mayfly/sdk";

/** A message of a model's prompt. */
export type Said =
  | { by: "memory"; step: number; text: string; count: number }
  | { by: "user"; step: number; value: unknown }
  | { by: "model"; step: number; agent: string; answer: RunAnswer }
  | { by: "tools"; step: number; tools: RunToolCall[] };

/** What was said before a step. The step's model gets these messages after the agent's instructions. */
export function saidBefore(run: RunDetails, step: number): Said[] {
  const said: Said[] = [];
  if (run.context?.text)
    said.push({
      ...{ by: "memory", step: 0, text: run.context.text },
      count: run.context.memories.length,
    });
  for (let at = 1; at <= step; at++) {
    for (const { step: of, input } of run.inputs)
      if (of === at) said.push({ by: "user", step: at, value: input });
    if (at === step) break;
    const call = run.calls.find((one) => one.step === at && one.answer);
    if (call?.answer) said.push({ by: "model", step: at, agent: call.agent, answer: call.answer });
    const tools = run.tools.filter((one) => one.step === at);
    if (tools.length > 0) said.push({ by: "tools", step: at, tools });
  }
  return said;
}
