import { list, maybeText, object, row, text, texts, word } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf, wrongPage } from "../contract/invalid.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import type { Activity } from "./card.ts";
import type { AgentRow } from "./issued.ts";

/** @internal */
export interface LifeRow {
  id: string;
  name: string;
  type: string;
  parent_id: string | null;
  status: AgentRow["status"];
  activity: Activity;
  task: string | null;
  capabilities: string[];
  scopes: string[];
  spawned_at: string;
  spawned_by: string | null;
  expires_at: string;
  suspended_at: string | null;
  suspend_reason: string | null;
  stopped_at: string | null;
  stop_reason: string | null;
  metadata: Record<string, unknown>;
}

/**
 * An agent from its birth to its end. After its `expiresAt` it is no longer alive, even if its
 * status has not been updated yet.
 *
 * @interface
 */
export type AgentLife = FromRow<LifeRow>;

/** Which agents to list. */
export interface ListAgents {
  /** Only agents that were alive at some time since then. */
  since?: Date;
  /** Only these agents, whenever they lived. */
  ids?: string[];
  /** 100 by default, 1,000 at most. It does not apply to `ids`. */
  limit?: number;
}

const lifeRow = row<LifeRow>({
  id: text,
  name: text,
  type: text,
  parent_id: maybeText,
  status: word,
  activity: word,
  task: maybeText,
  capabilities: texts,
  scopes: texts,
  spawned_at: text,
  spawned_by: maybeText,
  expires_at: text,
  suspended_at: maybeText,
  suspend_reason: maybeText,
  stopped_at: maybeText,
  stop_reason: maybeText,
  metadata: object,
});
const columns =
  "id, name, type, parent_id, status, activity, task, capabilities, scopes, spawned_at, spawned_by, expires_at, suspended_at, suspend_reason, stopped_at, stop_reason, metadata";
/** How many ids one request may have, because the length of a URL is limited. */
const chunk = 100;

/** Agents, the youngest first. */
export async function listAgents(
  link: Link,
  tenant: string,
  { since, ids, limit = 100 }: ListAgents,
): Promise<Result<AgentLife[]>> {
  const wrong = wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  const agents = () => link.client.from("agents").select(columns).eq("tenant_id", tenant);
  if (ids) {
    const lives: AgentLife[] = [];
    for (let at = 0; at < ids.length; at += chunk) {
      const asked = ids.slice(at, at + chunk).map(idOf);
      const read = fromDataApi(await agents().in("id", asked), list(lifeRow));
      if (read.error) return read;
      lives.push(...read.data.map(fromRow));
    }
    return ok(lives);
  }
  const read = await readPage(lifeRow, limit, (last, rows) => {
    let query = agents();
    if (since) {
      const at = `"${instantOf(since)}"`;
      query = query.or(`stopped_at.gte.${at},and(stopped_at.is.null,expires_at.gte.${at})`);
    }
    if (last) {
      const { spawned_at, id } = last;
      query = query.or(
        `spawned_at.lt."${spawned_at}",and(spawned_at.eq."${spawned_at}",id.lt.${id})`,
      );
    }
    return query
      .order("spawned_at", { ascending: false })
      .order("id", { ascending: false })
      .limit(rows);
  });
  return read.error ? read : ok(read.data.map(fromRow));
}
