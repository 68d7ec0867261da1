/** Jobs for tests of SQL: a tenant, agents that work, and their calls. */
import {
  type Claims,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type SpawnedAgent,
  type Sql,
  serviceRole,
} from "#harness/callers";
import type { Clock } from "#harness/clock";

export interface Claimed {
  lease: string;
  id: string;
  tenant_id: string;
  queue: string;
  name: string;
  input: Record<string, unknown>;
  attempt: number;
  max_attempts: number;
  lease_end: string;
}

export interface Taken {
  jobs: Claimed[];
  place: Record<string, unknown>;
  took: number;
}

/** Settings of a tenant with high limits, because quotas are not tested here. */
export const roomy = {
  writes_per_minute: 2_000_000_000,
  max_living_agents: 10_000,
  spawns_per_minute: 100_000,
};

export const scopes = ["job:read", "job:add", "job:work", "agent:spawn"];

export const makeWorkTenant = (sql: Sql) => makeTenant(sql, { ...roomy, max_lifetime: "1 day" });

export const makeWorker = (sql: Sql, tenant: string, options: Record<string, unknown> = {}) =>
  makeAgent(sql, tenant, { lifetime: 3600, scopes, ...options }) as Promise<SpawnedAgent>;

export const add = (
  sql: Sql,
  claims: Claims,
  jobs: Record<string, unknown>[],
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) =>
  rpc<{ id: string; existing: boolean }[]>(
    sql,
    claims,
    "add_jobs",
    { jobs: jobs as never, ...more },
    headers,
  );

export const claim = (sql: Sql, claims: Claims, wanted = 1, more: Record<string, unknown> = {}) =>
  rpc<Taken>(sql, claims, "claim_jobs", { wanted, ...more });

export const claimAny = (sql: Sql, wanted = 1, more: Record<string, unknown> = {}) =>
  rpc<Taken>(sql, serviceRole, "claim_any_jobs", { wanted, ...more });

/** Claims one job, which must exist. */
export async function claimOne(sql: Sql, claims: Claims, more: Record<string, unknown> = {}) {
  const [job] = (await claim(sql, claims, 1, more)).jobs;
  if (!job) throw new Error("There was no job to claim.");
  return job;
}

export const complete = (
  sql: Sql,
  claims: Claims,
  done: { lease: string; result?: unknown }[],
  headers: Record<string, string> = {},
) =>
  rpc<{ lost: number[]; cancelled: number[] }>(
    sql,
    claims,
    "complete_jobs",
    { done: done as never },
    headers,
  );

export const fail = (sql: Sql, claims: Claims, failures: Record<string, unknown>[]) =>
  rpc<string[]>(sql, claims, "fail_jobs", { failures: failures as never });

/** A job as readers see it, with the secret key. */
export const jobOf = (sql: Sql, tenant: string, id: string) =>
  rpc<Record<string, unknown>>(sql, serviceRole, "get_job", { id }, inTenant(tenant));

export const statusOf = async (sql: Sql, tenant: string, id: string) =>
  (await jobOf(sql, tenant, id))?.status;

/**
 * Moves the clock past the end of every lease of this many seconds. The next claim takes these leases back. Until
 * then, nobody has noticed that they have ended.
 */
export const endLeases = (clock: Clock, seconds = 30) => clock.advance(`${seconds + 1} seconds`);

/**
 * Moves the clock on, so that the next claim looks for ended leases and due schedules, which otherwise happens once a
 * second.
 */
export const letTick = (clock: Clock) => clock.advance("2 seconds");
