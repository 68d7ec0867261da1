import { failed, type Result } from "../contract/errors.ts";
import { wrongPage } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { recentRow } from "./answers.ts";
import type { RecentRow } from "./types.ts";

/**
 * A state of any owner, without its value. `deletedAt` is set if it was deleted, while its versions
 * are still kept.
 *
 * @interface
 */
export type RecentState = FromRow<RecentRow>;

/** Which states to list, of all owners. */
export interface RecentStates {
  prefix?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

const columns =
  "id, key, agent_id, version, updated_by, created_at, updated_at, expires_at, deleted_at";

export async function recentStates(
  link: Link,
  { prefix = "", limit = 100 }: RecentStates,
): Promise<Result<RecentState[]>> {
  const wrong = wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  const answer = await readPage(recentRow, limit, (last, rows) => {
    let query = link.client.from("states").select(columns).gt("version", 0);
    // The secret key sees the states of every tenant.
    if (link.tenantId) query = query.eq("tenant_id", link.tenantId);
    if (prefix) query = query.like("key", `${prefix.replace(/[\\%_]/g, "\\$&")}%`);
    if (last)
      query = query.or(
        `updated_at.lt."${last.updated_at}",and(updated_at.eq."${last.updated_at}",id.lt.${last.id})`,
      );
    return query
      .order("updated_at", { ascending: false })
      .order("id", { ascending: false })
      .limit(rows);
  });
  return answer.error ? answer : { data: answer.data.map(fromRow), error: null };
}
