import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf, invalid, wrongPage } from "../contract/invalid.ts";
import { type LogEvent, loggedEvent } from "../contract/log.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";

/** Which events to list. */
export interface ListEvents {
  /** Types of events, such as `agent.stopped` or `memory.*`; all by default. */
  types?: string[];
  /** Only events that this agent caused or that happened to it. */
  agent?: string;
  since?: Date;
  /** Only events from before this time. */
  until?: Date;
  /** 100 by default, 1,000 at most. */
  limit?: number;
  /** `after` of the previous page, to continue with older events. */
  after?: string;
}

/** Events, newest first. */
export interface EventPage {
  events: LogEvent[];
  /** Where older events continue. Null at the end. */
  after: string | null;
}

const columns = "xid, id, type, subject, agent_id, version, fields, at";
const place = /^(\d{1,20})\.(\d{1,19})$/;
/**
 * Matches a kind or a prefix. It is put into a filter unchanged, so only these characters are
 * allowed.
 */
const kind = /^[a-z_]+(\.[a-z_]+)?\*?$|^[a-z_]+\.\*$/;

/** Reads a page of events. */
export async function listEvents(
  link: Link,
  tenant: string,
  { types, agent, since, until, limit = 100, after }: ListEvents,
): Promise<Result<EventPage>> {
  const wrong = wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  const begins = after === undefined ? null : place.exec(after);
  if (after !== undefined && !begins)
    return failed(invalid("after", "must be the after of a page"));
  if (types?.some((type) => !kind.test(type)))
    return failed(
      invalid("types", "must be kinds such as agent.stopped, or prefixes such as agent.*"),
    );
  const read = await readPage(loggedEvent, limit, (last, rows) => {
    let query = link.client.from("events").select(columns).eq("tenant_id", tenant);
    if (types)
      query = query.or(types.map((type) => `type.like."${type.replace("*", "%")}"`).join(","));
    if (agent !== undefined)
      query = query.or(`agent_id.eq.${idOf(agent)},subject.eq.${idOf(agent)}`);
    if (since) query = query.gte("at", instantOf(since));
    if (until) query = query.lt("at", instantOf(until));
    const [xid, id] = last ? [last.xid, last.id] : [begins?.[1], begins?.[2]];
    if (xid !== undefined) query = query.or(`xid.lt.${xid},and(xid.eq.${xid},id.lt.${id})`);
    return query.order("xid", { ascending: false }).order("id", { ascending: false }).limit(rows);
  });
  if (read.error) return read;
  const last = read.data.at(-1);
  return ok({
    events: read.data.map(({ xid: _xid, id: _id, ...event }) => event),
    after: last && read.data.length === limit ? `${last.xid}.${last.id}` : null,
  });
}
