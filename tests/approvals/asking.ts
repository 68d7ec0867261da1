/** Approvals for tests of SQL: a tenant with people and an agent that asks, and their calls. */
import { type Claims, makePerson, rpc, type Sql } from "#harness/callers";
import { add, claimOne, makeWorker, makeWorkTenant, scopes } from "../jobs/working.ts";

export interface Asked {
  id: string;
  digest: string;
  status: string;
  waived: string | null;
  quorum: number;
  input: unknown;
  [more: string]: unknown;
}

export const asking = [...scopes, "approval:read", "approval:request"];

export async function makeAsking(sql: Sql) {
  const tenant = await makeWorkTenant(sql);
  const agent = await makeWorker(sql, tenant, { scopes: asking });
  const [owner, admin, member, viewer] = (await Promise.all(
    ["owner", "admin", "member", "viewer"].map((role) => makePerson(sql, { [tenant]: role })),
  )) as [Claims, Claims, Claims, Claims];
  return { tenant, agent, owner, admin, member, viewer };
}

export const ask = (sql: Sql, claims: Claims, values: Record<string, unknown> = {}) =>
  rpc<Asked>(sql, claims, "request_approval", { title: "May I?", ...values });

export const decide = (
  sql: Sql,
  claims: Claims,
  { id, digest }: Pick<Asked, "id" | "digest">,
  values: Record<string, unknown> = {},
) => rpc<Asked>(sql, claims, "decide_approval", { id, digest, verdict: "approve", ...values });

export const use = (sql: Sql, claims: Claims, lease: string, id: string, step = "ask") =>
  rpc<Asked & { reasons: string[] }>(sql, claims, "use_approval", { lease, id, step });

/** A running job that has asked for an approval. */
export async function askInJob(sql: Sql, claims: Claims, values: Record<string, unknown> = {}) {
  const [job] = await add(sql, claims, [{ name: "work" }]);
  const { lease } = await claimOne(sql, claims);
  const asked = await ask(sql, claims, { lease, step: "ask", ...values });
  return { job: job?.id ?? "", lease, asked };
}

export const amount = {
  type: "object",
  properties: { amount: { type: "integer", minimum: 1, maximum: 100 } },
  required: ["amount"],
  additionalProperties: false,
};
