/** Teams for tests of SQL: a tenant with agents, and their calls. */
import { type Claims, rpc, type SpawnedAgent, type Sql } from "#harness/callers";
import { makeWorker, makeWorkTenant, scopes } from "../jobs/working.ts";

export interface Poll {
  id: string;
  status: string;
  outcome: { result: string; winner: string | null; ballots: number } | null;
  ballots: { voter: string; choice: string; weight: number }[] | null;
}

export interface Tender {
  id: string;
  status: string;
  winner: string | null;
  job_id: string | null;
  bids: { agent: string; price: number }[] | null;
}

export interface Team {
  id: string;
  name: string;
  status: string;
  lead: string | null;
  channel: string | null;
  living: number;
  members: { id: string; role: string; status: string }[];
}

export const teaming = [
  ...scopes,
  "message:read",
  "message:send",
  "team:read",
  "team:vote",
  "team:manage",
];

export async function makeTeaming(sql: Sql, count = 3, options: Record<string, unknown> = {}) {
  const tenant = await makeWorkTenant(sql);
  const agents: SpawnedAgent[] = [];
  for (let i = 0; i < count; i++) {
    agents.push(await makeWorker(sql, tenant, { scopes: teaming, ...options }));
  }
  const [first, second, third] = agents as [SpawnedAgent, SpawnedAgent, SpawnedAgent];
  return { tenant, agents, first, second, third };
}

export const openPoll = (sql: Sql, claims: Claims, values: Record<string, unknown> = {}) =>
  rpc<Poll>(sql, claims, "open_poll", { question: "Ship it?", options: ["yes", "no"], ...values });

export const vote = (sql: Sql, claims: Claims, poll: { id: string }, choice: string) =>
  rpc<Poll>(sql, claims, "cast_ballot", { poll_id: poll.id, choice });

export const getPoll = (sql: Sql, claims: Claims, { id }: { id: string }) =>
  rpc<Poll>(sql, claims, "get_poll", { poll_id: id });

export const openTender = (sql: Sql, claims: Claims, values: Record<string, unknown> = {}) =>
  rpc<Tender>(sql, claims, "open_tender", { job: { name: "work" } as never, ...values });

export const bid = (
  sql: Sql,
  claims: Claims,
  tender: { id: string },
  price: number,
  more: Record<string, unknown> = {},
) => rpc<Tender>(sql, claims, "place_bid", { tender_id: tender.id, price, ...more });

export const assign = (sql: Sql, claims: Claims, values: Record<string, unknown> = {}) =>
  rpc<{ job: string; agent: string; existing: boolean; load: number; record: number }>(
    sql,
    claims,
    "assign_job",
    { job: { name: "work" } as never, ...values },
  );

export const spawnTeam = (
  sql: Sql,
  claims: Claims,
  team: Record<string, unknown>[],
  settings: Record<string, unknown> = {},
) =>
  rpc<{ team: Team; agents: { agent: { id: string; expires_at: string }; claims: Claims }[] }>(
    sql,
    claims,
    "spawn_named_team",
    { team: team as never, settings: { name: "release", ...settings } as never },
  );

export const stop = (sql: Sql, claims: Claims, id: string) =>
  rpc(sql, claims, "stop_agent", { id });
