import type { Attributes } from "../jobs/attributes.ts";
import type { RunBudget } from "./types.ts";

/** Options for starting a run. */
export interface StartRunOptions {
  /**
   * Starting another run with this key returns the existing run, even a failed one, as long as that run is
   * kept. To try a failed run again, redrive it: `jobs.redrive({ ids: [run.id] })`. To start a new run, use
   * another key.
   */
  key?: string;
  /** Runs with a lower number come first. 0 by default. */
  priority?: number;
  /** What the run is about, so that lists find it: `{ customer: "acme" }`. A fork has them too. */
  attributes?: Attributes;
  /**
   * Limits of this run instead of the agent's. If you pass only the name of the agent, its own limits do
   * not apply, except `maxSteps`.
   */
  maxSteps?: number;
  budget?: RunBudget;
}

/** Options for forking a run. */
export interface ForkOptions {
  /** The first step to run again. */
  atStep: number;
  /** A message at that step. At the first step it replaces the input. */
  input?: unknown;
  /** New results for tool calls of the step before, by the id of the call. */
  edits?: Record<string, unknown>;
}
