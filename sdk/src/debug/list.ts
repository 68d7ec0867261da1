import { type DebugCategory, type DebugLevel, levelOf } from "../contract/debug.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf, wrongPage } from "../contract/invalid.ts";
import { listOf } from "../link/filters.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";
import { keptRecord } from "./answers.ts";
import { type DebugRecord, keptColumns, toRecord } from "./record.ts";

/** Which stored debug records to list. */
export interface ListDebug {
  agent?: string;
  since?: Date;
  /** Only records from before this time. */
  until?: Date;
  /** Only records older than this one. Pass the last record of the previous page. */
  before?: DebugRecord;
  /** Up to this level; 4 (trace) by default. */
  level?: DebugLevel;
  categories?: DebugCategory[];
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** Stored records, newest first. */
export async function listKept(
  link: Link,
  tenant: string,
  { agent, since, until, before, level = 4, categories, limit = 100 }: ListDebug,
): Promise<Result<DebugRecord[]>> {
  const wrong = wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  const first = before && { at: instantOf(before.at), id: idOf(before.id) };
  const read = await readPage(keptRecord, limit, (last, rows) => {
    let query = link.client
      .from("debug_records")
      .select(keptColumns)
      .eq("tenant_id", tenant)
      .lte("level", levelOf(level));
    if (agent !== undefined) query = query.eq("agent_id", idOf(agent));
    if (categories) query = query.filter("category", "in", listOf(categories));
    if (since) query = query.gte("at", instantOf(since));
    if (until) query = query.lt("at", instantOf(until));
    const behind = last ?? first;
    if (behind)
      query = query.or(`at.lt."${behind.at}",and(at.eq."${behind.at}",id.lt.${behind.id})`);
    return query.order("at", { ascending: false }).order("id", { ascending: false }).limit(rows);
  });
  if (read.error) return read;
  return ok(read.data.map(({ agent_id, dropped, ...kept }) => toRecord(agent_id, kept, dropped)));
}
