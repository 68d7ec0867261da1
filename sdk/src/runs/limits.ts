import type { AgentOptions } from "./types.ts";

/** What a run may use up, as SQL has it. */
export function limitsOf({
  maxSteps = 20,
  budget = {},
}: AgentOptions<never> | AgentOptions<unknown>) {
  const { usd, tokens, seconds } = budget;
  return {
    steps: maxSteps,
    ...(usd !== undefined && { usd }),
    ...(tokens !== undefined && { tokens }),
    ...(seconds !== undefined && { seconds }),
  };
}
