import { list } from "@mayfly/sdk/contract/answer-form";
import { type LogEvent, loggedEvent } from "@mayfly/sdk/contract/log";
import { fromDataApi } from "@mayfly/sdk/internal";

import { dataOf } from "./failure.ts";
import type { Project } from "./project.ts";

const pageSize = 1_000;

/** Identifies an event, by the fields that are the same wherever it is read. */
export const keyOf = ({ type, subject, agent_id, version, at }: LogEvent): string =>
  `${type} ${subject} ${agent_id} ${version} ${Date.parse(at)}`;

/**
 * The events since a point in time, in the order of the log, one page at a time. An event that
 * commits late may get a place before those that were already read. This function misses such an
 * event, but a cursor that was taken before the first page returns it.
 */
export async function* readSince(
  { mayfly, tenant }: Project,
  since: Date,
): AsyncGenerator<LogEvent[]> {
  let behind: { xid: string; id: number } | undefined;
  for (;;) {
    let query = mayfly.client
      .from("events")
      .select("xid, id, type, subject, agent_id, version, fields, at")
      .eq("tenant_id", tenant.id)
      .gte("at", since.toISOString());
    if (behind) {
      const { xid, id } = behind;
      query = query.or(`xid.gt.${xid},and(xid.eq.${xid},id.gt.${id})`);
    }
    const rows = dataOf(
      fromDataApi(await query.order("xid").order("id").limit(pageSize), list(loggedEvent)),
    );
    const last = rows.at(-1);
    // Only an empty page is the last page. A page with fewer rows than requested may not be the last
    // one, because a project may allow fewer rows in a page.
    if (!last) return;
    yield rows.map(({ xid: _xid, id: _id, ...event }) => event);
    behind = { xid: last.xid, id: last.id };
  }
}
