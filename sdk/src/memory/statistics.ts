import { z } from "zod";
import { count, list, maybeText, row, text } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import type { MemoryKind } from "../contract/schemas.ts";
import type { Link } from "../link/link.ts";
import { fromRow } from "../link/rows.ts";

/** Numbers about the tenant's memories that the caller may see. */
export interface Statistics {
  memories: number;
  /** The size of their texts, tags and metadata. */
  bytes: number;
  lastHour: number;
  lastDay: number;
  /** How many have the visibility `agent`. */
  private: number;
  byKind: Partial<Record<MemoryKind, number>>;
  /**
   * The 100 agents with the most memories. If `agentId` is null, the memories are from people or the secret
   * key.
   */
  byAgent: { agentId: string | null; memories: number }[];
  /** How many were made on each of the last 90 days (UTC), as `2026-11-29`. Days without one are missing. */
  byDay: Record<string, number>;
  /** How many have a vector, by model. */
  withVector: Record<string, number>;
  withoutVector: number;
  /** Fields that wait for a person's decision. */
  conflicts: number;
}

/** The answer of mayfly.memory_statistics. */
export interface StatisticsRow {
  memories: number;
  bytes: number;
  last_hour: number;
  last_day: number;
  private: number;
  by_kind: Partial<Record<MemoryKind, number>>;
  by_agent: { agent_id: string | null; memories: number }[];
  by_day?: Record<string, number> | undefined;
  with_vector: Record<string, number>;
  without_vector: number;
  conflicts: number;
}
const counts = z.record(text, count);
export const statisticsRow = row<StatisticsRow>({
  memories: count,
  bytes: count,
  last_hour: count,
  last_day: count,
  private: count,
  by_kind: counts,
  by_agent: list(
    row<{ agent_id: string | null; memories: number }>({ agent_id: maybeText, memories: count }),
  ),
  // Missing if a server before 0.2 answers.
  by_day: counts.optional(),
  with_vector: counts,
  without_vector: count,
  conflicts: count,
});
export async function readStatistics(link: Link): Promise<Result<Statistics>> {
  const { data, error } = await link.rpc("memory_statistics", {}, statisticsRow);
  if (error) return failed(error);
  const { by_agent, by_day = {}, ...rest } = data;
  return ok({ ...fromRow(rest), byAgent: by_agent.map(fromRow), byDay: by_day });
}
