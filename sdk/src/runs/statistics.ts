import { z } from "zod";
import { count, list, row, text, word } from "../contract/answer-form.ts";
import type { Percentiles } from "../jobs/types.ts";
import { fromRow } from "../link/rows.ts";
import type { RunStatus } from "./types.ts";

/** Runs, models and tools in numbers. Each list has the 100 that did most. */
export interface RunStatistics {
  /**
   * Runs that are open, and runs that ended in this time, by status. `run`: the time from the start
   * of a run to its end.
   */
  agents: { agent: string; byStatus: Partial<Record<RunStatus, number>>; run: Percentiles }[];
  /** Calls of models in this time. `usd` leaves out calls without a known price. */
  models: {
    provider: string;
    model: string;
    succeeded: number;
    failed: number;
    inputTokens: number;
    outputTokens: number;
    usd: number;
    ms: Percentiles;
  }[];
  /** Calls of tools in this time. */
  tools: {
    tool: string;
    running: number;
    succeeded: number;
    failed: number;
    denied: number;
    ms: Percentiles;
  }[];
}

const times = row<Percentiles>({
  p50: count.nullable(),
  p95: count.nullable(),
  p99: count.nullable(),
});

export const statisticsRow = z.object({
  agents: list(z.object({ agent: text, by_status: z.record(word, count), run: times })),
  models: list(
    z.object({
      provider: text,
      model: text,
      succeeded: count,
      failed: count,
      input_tokens: count,
      output_tokens: count,
      usd: count,
      ms: times,
    }),
  ),
  tools: list(
    z.object({
      tool: text,
      running: count,
      succeeded: count,
      failed: count,
      denied: count,
      ms: times,
    }),
  ),
});

export const toStatistics = (given: z.infer<typeof statisticsRow>): RunStatistics => ({
  agents: given.agents.map((agent) => ({ ...fromRow(agent), byStatus: agent.by_status })),
  models: given.models.map(fromRow),
  tools: given.tools,
});
