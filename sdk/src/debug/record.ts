import { list } from "../contract/answer-form.ts";
import { type DebugCategory, type DebugRow, debugCategories } from "../contract/debug.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { fromDataApi } from "../link/call.ts";
import { listOf } from "../link/filters.ts";
import type { Link } from "../link/link.ts";
import { keptRecord } from "./answers.ts";

/** A record of an agent's debug stream. */
export interface DebugRecord {
  id: string;
  agentId: string;
  /** 1 basic, 2 detailed, 3 verbose, 4 trace. */
  level: number;
  category: DebugCategory;
  name: string;
  data: unknown;
  durationMs: number | null;
  /** When it was made, by the agent's clock. */
  at: Date;
  /**
   * How many records of this agent were dropped just before this one, by the agent's buffer or on
   * the way.
   */
  dropped: number;
}

/** Checks a row that was received, because clients can send anything. */
export const isRow = (row: DebugRow) =>
  typeof row === "object" &&
  row !== null &&
  typeof row.id === "string" &&
  typeof row.name === "string" &&
  typeof row.level === "number" &&
  debugCategories.includes(row.category) &&
  !Number.isNaN(Date.parse(row.at));

export function toRecord(agentId: string, row: DebugRow, dropped: number): DebugRecord {
  const { id, level, category, name, data = null, duration_ms = null, at } = row;
  return {
    id,
    agentId,
    level,
    category,
    name,
    data,
    durationMs: duration_ms,
    at: new Date(at),
    dropped,
  };
}

const pageSize = 500;
/** The columns to read from `mayfly.debug_records`. */
export const keptColumns = "id, agent_id, level, category, name, data, duration_ms, dropped, at";

/** Which stored records to read. */
export interface KeptRecords {
  tenant: string;
  agent: string | undefined;
  /** Up to this level. */
  level: number;
  categories: DebugCategory[] | undefined;
  since: Date;
}

/** Calls the handler with stored records in order of time, page by page. */
export async function readKept(
  link: Link,
  { tenant, agent, level, categories, since }: KeptRecords,
  take: (record: DebugRecord) => void,
): Promise<Result<null>> {
  let after: { at: string; id: string } | undefined;
  for (;;) {
    let query = link.client
      .from("debug_records")
      .select(keptColumns)
      .eq("tenant_id", tenant)
      .lte("level", level)
      .order("at")
      .order("id")
      .limit(pageSize);
    if (agent) query = query.eq("agent_id", agent);
    if (categories) query = query.filter("category", "in", listOf(categories));
    query = after
      ? query.or(`at.gt."${after.at}",and(at.eq."${after.at}",id.gt.${after.id})`)
      : query.gte("at", since.toISOString());
    const { data, error } = fromDataApi(await query, list(keptRecord));
    if (error) return failed(error);
    for (const { agent_id, dropped, ...kept } of data) take(toRecord(agent_id, kept, dropped));
    after = data.at(-1);
    // A project may allow fewer rows in a page, so only an empty page is the last.
    if (!after) return ok(null);
  }
}
