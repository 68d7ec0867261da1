/**
 * What row-level security costs: each frequent query, run by an agent under the policies, compared with the
 * same query, run by a role that bypasses them. Compares the time and the planner's estimate of the cost.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/policies.ts [--quick]
 */
import {
  actAs,
  type Claims,
  makeAgent,
  makeTenant,
  type Session,
  type Sql,
} from "#harness/callers";
import { compare } from "./lib/measure.ts";
import { report, reportComparison } from "./lib/report.ts";
import { onEach, quick, rounds, unlimited } from "./lib/target.ts";

const size = quick ? 2_000 : 20_000;
const others = 10;

/** Queries in the agent's tenant. They name the tenant, because one of the two roles bypasses the policies. */
const queries: Record<string, (tenant: string, id: string) => string> = {
  "one memory by its id": (tenant, id) =>
    `select * from mayfly.memories where tenant_id = '${tenant}' and id = '${id}'`,
  "the newest 50 memories": (tenant) =>
    `select id, task from mayfly.memories where tenant_id = '${tenant}' and deleted_at is null order by id desc limit 50`,
  "100 events": (tenant) =>
    `select * from mayfly.events where tenant_id = '${tenant}' order by xid, id limit 100`,
  "the agents": (tenant) =>
    `select id, name from mayfly.agents where tenant_id = '${tenant}' order by id limit 50`,
};

await onEach(async ({ sql }, on) => {
  const tenants = [];
  for (let n = 0; n <= others; n++) tenants.push(await fill(sql, size / (n ? others : 1)));
  await sql`analyze`;
  const tenant = tenants[0] as string;
  const { claims } = await makeAgent(sql, tenant, { lifetime: 900 });
  const [memory] = await sql`select id from mayfly.memories where tenant_id = ${tenant} limit 1`;
  for (const [name, query] of Object.entries(queries)) {
    const text = query(tenant, String(memory?.id));
    const run = (who: Claims) => actAs(sql, who, (session) => session.unsafe(text));
    const bypassing = { ...claims, role: "service_role" };
    reportComparison(
      { bench: "policies", name, on, against: "without policies" },
      await compare(
        rounds(100),
        () => run(claims),
        () => run(bypassing),
      ),
    );
    const [ours, baseline] = [
      await actAs(sql, claims, (session) => costOf(session, text)),
      await actAs(sql, bypassing, (session) => costOf(session, text)),
    ];
    report({
      bench: "policies",
      name: `${name}, as the planner estimates`,
      on,
      unit: "cost",
      ours,
      against: "without policies",
      baseline,
      ratio: ours / baseline,
    });
  }
});

async function fill(sql: Sql, count: number): Promise<string> {
  const tenant = await makeTenant(sql, unlimited);
  await sql`
    insert into mayfly.memories (tenant_id, id, task, output)
    select ${tenant}, gen_random_uuid(), 'task ' || n, 'what came of it' from generate_series(1, ${count}) n`;
  return tenant;
}

async function costOf(session: Session, query: string): Promise<number> {
  const [row] = await session.unsafe(`explain (format json) ${query}`);
  const [plan] = row?.["QUERY PLAN"] as { Plan: { "Total Cost": number } }[];
  return plan?.Plan["Total Cost"] ?? Number.NaN;
}
