import { present } from "../link/rows.ts";
import type { StartRunOptions } from "./start-options.ts";
import type { Agentlike, AgentOptions } from "./types.ts";

/** The limits of a run in the form that SQL expects. */
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

/**
 * The limits of a run: those that the caller passed, otherwise those of the agent. If the caller only names the
 * agent, the worker adds the agent's `maxSteps`.
 */
export function limitsFor<Output>(
  agent: Agentlike<Output> | string,
  { maxSteps, budget }: Pick<StartRunOptions, "maxSteps" | "budget">,
) {
  if (typeof agent === "string") return present({ ...budget, steps: maxSteps });
  const { options } = agent;
  return limitsOf({
    ...options,
    maxSteps: maxSteps ?? options.maxSteps,
    budget: budget ?? options.budget,
  } as never);
}
