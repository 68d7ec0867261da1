import type { Space } from "../../live/space.ts";
import type { Entry } from "./entry.ts";

/**
 * Code and commands with which a person can fetch the same content outside the console. They never
 * contain keys.
 */
export interface Copies {
  curl: string;
  sql: string;
  code: string;
}

export function copiesOf({ tenant }: Space, url: string, entry: Entry): Copies {
  const where =
    entry.from === "log"
      ? { table: "events", pairs: eventPairs(entry.event) }
      : { table: "debug_records", pairs: { id: entry.record.id } };
  const query = Object.entries(where.pairs)
    .map(([column, value]) => `${column}=eq.${encodeURIComponent(value)}`)
    .join("&");
  const conditions = Object.entries({ tenant_id: tenant.id, ...where.pairs })
    .map(([column, value]) => `${column} = ${quoted(value)}`)
    .join("\n  and ");
  return {
    curl: [
      `curl '${url}/rest/v1/${where.table}?${query.replaceAll("'", "%27")}' \\`,
      "  -H 'accept-profile: mayfly' \\",
      '  -H "apikey: $PUBLISHABLE_KEY" \\',
      '  -H "authorization: Bearer $ACCESS_TOKEN"',
    ].join("\n"),
    sql: `select *\nfrom mayfly.${where.table}\nwhere ${conditions};`,
    code: codeOf(entry),
  };
}

function eventPairs({ type, subject, key }: { type: string; subject: string | null; key: string }) {
  // The key begins with the instant, in microseconds.
  const at = key.split("|")[0] ?? "";
  return { type, ...(subject && { subject }), at };
}

function codeOf(entry: Entry): string {
  const since = `new Date(${JSON.stringify(new Date(entry.at - 1).toISOString())})`;
  if (entry.from === "debug") {
    const { agentId, category } = entry.record;
    const options = `agent: ${JSON.stringify(agentId)}, since: ${since}, categories: [${JSON.stringify(category)}]`;
    return `const { data } = await mayfly.debug.list({ ${options} });`;
  }
  const { type, agentId } = entry.event;
  const agent = agentId ? `, agent: ${JSON.stringify(agentId)}` : "";
  return `const { data } = await mayfly.log.list({ types: [${JSON.stringify(type)}]${agent}, since: ${since} });`;
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
