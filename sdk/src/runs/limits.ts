import type { AgentOptions } from "./types.ts";

/** The limits of a run in the form that SQL takes. */
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
