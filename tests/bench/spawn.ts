/**
 * Compares a spawn of an agent with a plain insert of the same row, which makes as many round trips. Also
 * compares the stop of an agent that has many descendants with the stop of an agent that has none.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/spawn.ts [--quick]
 */

import { generateSigningKey } from "@mayfly/local/internal";
import { importJWK, SignJWT } from "jose";
import {
  type Claims,
  type Issued,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type Sql,
  serviceRole,
} from "#harness/callers";
import { compare, timed } from "./lib/measure.ts";
import { report, reportComparison } from "./lib/report.ts";
import { onEach, rounds, unlimited } from "./lib/target.ts";

const batch = 20;
const children = 20;
/** How many children each child has. */
const grandchildren = 24;
const jwk = await generateSigningKey();
const key = await importJWK(jwk, "ES256");

/** Signs a token as the spawn function does. */
const sign = (claims: Claims) =>
  new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: String(jwk.kid) }).sign(key);

/** Adds `count` children to each of the agents `parents`. */
const addChildren = (sql: Sql, tenant: string, parents: string[], count: number) => sql`
  insert into mayfly.agents (tenant_id, id, name, type, status, lifetime, expires_at, parent_id, ancestors, depth)
  select tenant_id, gen_random_uuid(), 'child ' || i || ' of ' || id, type, status, lifetime, expires_at, id,
    ancestors || id, depth + 1
  from mayfly.agents, generate_series(1, ${count}) i
  where tenant_id = ${tenant} and id = any (${parents}::uuid[])`;

await onEach(async ({ sql }, on) => {
  const tenant = await makeTenant(sql, unlimited);
  await sql.unsafe(
    "create table plain_agents (like mayfly.agents including defaults including generated including indexes)",
  );
  const spawn = async () => {
    for (let n = 0; n < batch; n++) {
      const issued = await rpc<Issued>(
        sql,
        serviceRole,
        "spawn_agent",
        { lifetime: 60 },
        inTenant(tenant),
      );
      await sign(issued.claims);
    }
  };
  const insert = async () => {
    for (let n = 0; n < batch; n++) {
      await sql.begin(async (session) => {
        await session`select 1`;
        await session`select 1`;
        await session`
          insert into plain_agents (tenant_id, id, name, type, status, lifetime, expires_at, capabilities, scopes, ancestors, depth)
          values (${tenant}, gen_random_uuid(), ${`agent ${Math.random()}`}, 'worker', 'running', interval '1 minute',
            now() + interval '1 minute', '{}', '{memory:read,memory:write}', '{}', 0)`;
      });
      await sign({ sub: tenant });
    }
  };
  const spawned = await compare(rounds(12), spawn, insert);
  reportComparison(
    {
      bench: "spawn",
      name: `spawn ${batch} agents, tokens signed`,
      on,
      against: "plain insert, signed",
    },
    spawned,
  );
  report({
    bench: "spawn",
    name: "agents spawned a second, token included",
    on,
    unit: "a second",
    ours: (batch / spawned.ours.median) * 1000,
  });

  const stop = (id: string) => rpc(sql, serviceRole, "stop_agent", { id }, inTenant(tenant));
  const times: { alone: number[]; family: number[] } = { alone: [], family: [] };
  for (let n = 0; n < rounds(8, 3); n++) {
    const alone = await makeAgent(sql, tenant);
    const head = await makeAgent(sql, tenant);
    await addChildren(sql, tenant, [head.id], children);
    const ids =
      await sql`select id from mayfly.agents where tenant_id = ${tenant} and parent_id = ${head.id}`;
    await addChildren(
      sql,
      tenant,
      ids.map(({ id }) => id as string),
      grandchildren,
    );
    times.alone.push(await timed(() => stop(alone.id)));
    times.family.push(await timed(() => stop(head.id)));
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  report({
    bench: "spawn",
    name: `stop an agent with ${children} children and ${children * grandchildren} grandchildren`,
    on,
    unit: "ms",
    ours: median(times.family),
    against: "an agent without children",
    baseline: median(times.alone),
    ratio: median(times.family) / median(times.alone),
  });
});
