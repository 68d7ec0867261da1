/** Costs for tests of SQL: prices of a made-up provider, budgets, and calls that reserve, settle and free. */
import { randomUUID } from "node:crypto";
import { type Claims, makePerson, rpc, type Sql, serviceRole } from "#harness/callers";
import { add, claimOne, makeWorker, makeWorkTenant, scopes } from "../jobs/working.ts";

export interface Reserved {
  id: string;
  granted?: boolean;
  output?: number;
  usd?: number;
  priced?: string;
  code?: string;
  retry_after?: number;
  level?: string;
}

/** One dollar for a thousand input tokens, two for a thousand output tokens, so that sums are easy to check. */
export const madeUp = [
  {
    provider: "acme",
    model: "round-1",
    prices: [{ units: { input: [[0, 1_000]], output: [[0, 2_000]], cache_read: [[0, 100]] } }],
    names: [
      { name: "round-latest", exact: true },
      { name: "round-1", exact: false },
    ],
  },
];

export const importPrices = (sql: Sql, prices: unknown[] = madeUp) =>
  rpc(sql, serviceRole, "import_prices", { prices: prices as never, source: "a test" });

export async function makeSpending(sql: Sql) {
  await importPrices(sql);
  const tenant = await makeWorkTenant(sql);
  const agent = await makeWorker(sql, tenant, { scopes: [...scopes, "cost:read", "cost:write"] });
  const [owner, viewer] = (await Promise.all(
    ["owner", "viewer"].map((role) => makePerson(sql, { [tenant]: role })),
  )) as [Claims, Claims];
  return { tenant, agent, owner, viewer };
}

/** A running job. Reservations under its lease end with the lease. */
export async function runJob(sql: Sql, claims: Claims) {
  const [job] = await add(sql, claims, [{ name: "think" }]);
  const { lease } = await claimOne(sql, claims);
  return { job: job?.id ?? "", lease };
}

export const askOf = (values: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  agent: "analyst",
  provider: "acme.chat",
  model: "round-1",
  input: 100,
  output: 100,
  ...values,
});

export const reserve = (sql: Sql, claims: Claims, ...asks: Record<string, unknown>[]) =>
  rpc<Reserved[]>(sql, claims, "reserve_costs", { asks: asks as never });

export async function reserveOne(sql: Sql, claims: Claims, values: Record<string, unknown> = {}) {
  const [answer] = await reserve(sql, claims, askOf(values));
  if (!answer) throw new Error("Nothing was answered.");
  return answer;
}

export const settle = (
  sql: Sql,
  claims: Claims,
  ...settlements: { hold: string; usage: Record<string, number> }[]
) =>
  rpc<{ id: string; usd?: number | null; priced?: string; known?: boolean; code?: string }[]>(
    sql,
    claims,
    "settle_costs",
    { settlements: settlements as never },
  );

export const release = (sql: Sql, claims: Claims, ...releases: Record<string, unknown>[]) =>
  rpc<{ released: number }>(sql, claims, "release_costs", { releases: releases as never });

export interface Budget {
  level: string;
  subject: string;
  spent_usd: number;
  held_usd: number;
  spent_tokens: number;
  held_tokens: number;
  unpriced: number;
}

export const setBudget = (sql: Sql, claims: Claims, values: Record<string, unknown>) =>
  rpc<Budget>(sql, claims, "set_budget", { level: "tenant", ...values });

export const budgets = (sql: Sql, claims: Claims) => rpc<Budget[]>(sql, claims, "list_budgets");
