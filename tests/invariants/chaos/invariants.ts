/** Checks the invariants of docs/concepts.md, with the numbers that they have there, in the tables. */
import { expect } from "vitest";
import type { Sql } from "#harness/callers";
import type { Account } from "./load.ts";

/**
 * Invariant 4: what was acknowledged is durable, and nothing is stored twice. What was only in an outbox has
 * been pushed by the drain.
 */
export async function checkMemories(sql: Sql, tenant: string, account: Account): Promise<void> {
  const rows =
    await sql`select id, agent_id, version from mayfly.memories where tenant_id = ${tenant}`;
  const stored = new Map(rows.map((row) => [row.id as string, row]));
  const lost = [...account.acknowledged].filter((id) => !stored.has(id));
  expect(lost, "acknowledged, and not in the tables").toEqual([]);
  const left = [...account.kept.keys()].filter((id) => !stored.has(id));
  expect(left, "kept in an outbox, and never pushed").toEqual([]);
  expect(rows.filter((row) => row.version !== 1).length, "applied twice").toBe(0);
  for (const [id, { agent }] of account.kept) expect(stored.get(id)?.agent_id).toBe(agent);
}

/** Invariant 2: a child never has more rights than its parent. */
export async function checkFamilies(sql: Sql, tenant: string): Promise<number> {
  const wrong = await sql`
    select a.id from mayfly.agents a join mayfly.agents p on p.tenant_id = a.tenant_id and p.id = a.parent_id
    where a.tenant_id = ${tenant} and not (
      a.scopes <@ p.scopes and a.expires_at <= p.expires_at and a.depth = p.depth + 1
      and a.ancestors = p.ancestors || p.id)`;
  expect([...wrong], "more than its parent").toEqual([]);
  const [row] =
    await sql`select count(*)::int from mayfly.agents where tenant_id = ${tenant} and parent_id is not null`;
  return row?.count as number;
}

/**
 * Invariant 5: each memory is in the log once. The memories of one agent are in the order in which it made
 * them.
 */
export async function checkLog(sql: Sql, tenant: string, account: Account): Promise<string[]> {
  const events = await sql`
    select subject from mayfly.events
    where tenant_id = ${tenant} and type = 'memory.created' order by xid, id`;
  const order = events.map((row) => row.subject as string);
  expect(new Set(order).size, "events that came twice").toBe(order.length);
  const logged = new Set(order);
  const missing = [...account.kept.keys()].filter((id) => !logged.has(id));
  expect(missing, "stored, and not in the log").toEqual([]);
  checkOrder(order, account);
  const spawns = await sql`
    select a.id from mayfly.agents a where a.tenant_id = ${tenant} and 1 <> (
      select count(*) from mayfly.events e
      where e.tenant_id = a.tenant_id and e.subject = a.id and e.type = 'agent.spawned')`;
  expect([...spawns], "agents that the log does not have exactly once").toEqual([]);
  return order;
}

/** Every agent that was spawned exists, and every agent whose stop was confirmed is stopped. */
export async function checkAgents(sql: Sql, tenant: string, account: Account): Promise<void> {
  const rows =
    await sql`select id, status, parent_id from mayfly.agents where tenant_id = ${tenant}`;
  const agents = new Map(rows.map((row) => [row.id as string, row]));
  for (const [id, parent] of account.spawned)
    expect(agents.get(id)?.parent_id, `the parent of ${id}`).toBe(parent);
  for (const id of account.stopped) expect(agents.get(id)?.status).toBe("stopped");
}

/** No transaction has stayed open without work for more than 5 s. */
export async function checkNothingHangs(sql: Sql): Promise<void> {
  const rows = await sql`
    select state, query from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'
      and state_change < clock_timestamp() - interval '5 seconds'`;
  expect([...rows], "transactions that nobody ends").toEqual([]);
}

/**
 * Invariant 5 for a reader: it got each event once, and the events of each writer in order, despite all
 * failures.
 */
export function checkWatched(seen: string[], order: string[], account: Account): void {
  expect(new Set(seen).size, "delivered twice to the watcher").toBe(seen.length);
  expect([...seen].sort(), "what the watcher got").toEqual([...order].sort());
  checkOrder(seen, account);
}

function checkOrder(order: string[], account: Account): void {
  const last = new Map<string, number>();
  for (const id of order) {
    const kept = account.kept.get(id);
    if (!kept) continue;
    expect(kept.nth, `out of order, of ${kept.agent}`).toBeGreaterThan(last.get(kept.agent) ?? -1);
    last.set(kept.agent, kept.nth);
  }
}
