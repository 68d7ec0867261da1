/**
 * How each call's time grows with the tenant's data: at 1×, 10× and 100×, and the slope on logarithmic
 * axes: 0 is constant, 1 linear.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/growth.ts [--quick]
 */
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type Sql,
  serviceRole,
} from "../harness/callers.ts";
import { putOf } from "../harness/operations.ts";
import { measure, slope } from "./lib/measure.ts";
import { report, round } from "./lib/report.ts";
import { onEach, quick, rounds, unlimited } from "./lib/target.ts";

const sizes = quick ? [100, 1_000, 10_000] : [1_000, 10_000, 100_000];
const words = "rotate import verify deploy migrate index cache token tenant policy vector".split(
  " ",
);

const calls: Record<string, (sql: Sql, claims: Claims, tenant: string) => Promise<unknown>> = {
  "push 100 memories": (sql, claims) =>
    actAs(sql, claims, (session) => {
      const ops = Array.from({ length: 100 }, (_, n) => putOf({ task: `pushed ${n}` }));
      return session`select mayfly.sync(${session.json(ops)}, null, 0)`;
    }),
  "pull 100 memories": (sql, claims) =>
    actAs(sql, claims, (session) => session`select mayfly.sync('[]', null, 100)`),
  "recall by words": (sql, claims) =>
    actAs(sql, claims, (session) => session`select * from mayfly.recall('rotate policy 7')`),
  "recall by words and meaning": (sql, claims) =>
    actAs(
      sql,
      claims,
      (session) => session`
      select * from mayfly.recall('rotate policy 7', (select array_agg(sin(i)::real) from generate_series(1, 384) i), 'bench')`,
    ),
  "spawn an agent": (sql, _claims, tenant) =>
    rpc(sql, serviceRole, "spawn_agent", { lifetime: 60 }, inTenant(tenant)),
};

await onEach(async ({ sql }, on) => {
  const points = new Map<string, { x: number; y: number }[]>();
  for (const size of sizes) {
    const tenant = await fill(sql, size);
    await sql`vacuum analyze mayfly.memories, mayfly.memory_vectors, mayfly.events`;
    const { claims } = await makeAgent(sql, tenant, { lifetime: 900 });
    for (const [name, call] of Object.entries(calls)) {
      const time = await measure(rounds(20), () => call(sql, claims, tenant));
      report({ bench: "growth", name, on, unit: "ms", ours: time.median, size });
      points.set(name, [...(points.get(name) ?? []), { x: size, y: time.median }]);
    }
  }
  for (const [name, line] of points) console.log(`${name} on ${on}: slope ${round(slope(line))}`);
});

async function fill(sql: Sql, size: number): Promise<string> {
  const tenant = await makeTenant(sql, unlimited);
  await sql`
    insert into mayfly.memories (tenant_id, id, task, output)
    select ${tenant}, gen_random_uuid(),
      (${words}::text[])[1 + n % 11] || ' ' || (${words}::text[])[1 + (n / 11) % 11] || ' ' || n, 'what came of ' || n
    from generate_series(1, ${size}) n`;
  // A random vector each; the same for all would make any search easy.
  await sql`
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select m.tenant_id, 'bench', m.id, (
      select array_agg(sin(i * (hashtext(m.id::text) % 1000 + 1001))::real) from generate_series(1, 384) i)::extensions.halfvec(384)
    from mayfly.memories m where m.tenant_id = ${tenant}`;
  return tenant;
}
