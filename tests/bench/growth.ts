/**
 * How the time of each call grows with the tenant's data: at 1×, 10× and 100×, with the slope on logarithmic axes
 * (0 is constant, 1 is linear). The tenant has as many messages as memories. Also measures the start of the
 * embedded Supabase.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/growth.ts [--quick]
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type Sql,
  serviceRole,
} from "#harness/callers";
import { startTestLocal } from "#harness/local";
import { messageTo } from "#harness/messages";
import { putOf } from "#harness/operations";
import { measure, slope, timed } from "./lib/measure.ts";
import { report, round } from "./lib/report.ts";
import { onEach, quick, rounds, unlimited } from "./lib/target.ts";
import { settleAll } from "./vectors.ts";

/**
 * PGlite has fewer memories, because it takes too long to build an index over 100,000 vectors in WebAssembly.
 */
const sizesOn = {
  postgres: quick ? [100, 1_000, 10_000] : [1_000, 10_000, 100_000],
  pglite: quick ? [30, 300, 3_000] : [100, 1_000, 10_000],
};
/**
 * How many vectors of a tenant with more vectors than this are not settled. In a smaller tenant, none is
 * settled.
 */
const fresh = 200;
const words = "rotate import verify deploy migrate index cache token tenant policy vector".split(
  " ",
);

interface Filled {
  tenant: string;
  /** The agent that makes the calls, and to which all messages of the tenant are addressed. */
  claims: Claims;
  session: string;
}

const calls: Record<string, (sql: Sql, filled: Filled) => Promise<unknown>> = {
  "push 100 memories": (sql, { claims }) =>
    actAs(sql, claims, (session) => {
      const ops = Array.from({ length: 100 }, (_, n) => putOf({ task: `pushed ${n}` }));
      return session`select mayfly.sync(${session.json(ops)}, null, 0)`;
    }),
  "pull 100 memories": (sql, { claims }) =>
    actAs(sql, claims, (session) => session`select mayfly.sync('[]', null, 100)`),
  "recall by words": (sql, { claims }) =>
    actAs(sql, claims, (session) => session`select * from mayfly.recall('rotate policy 7')`),
  "recall by words and meaning": (sql, { claims }) =>
    actAs(
      sql,
      claims,
      (session) => session`
      select * from mayfly.recall('rotate policy 7', (select array_agg(sin(i)::real) from generate_series(1, 384) i), 'bench')`,
    ),
  "read the newest 50 memories": (sql, { tenant, claims }) =>
    actAs(
      sql,
      claims,
      (session) => session`
      select id, task from mayfly.memories where tenant_id = ${tenant} and deleted_at is null order by id desc limit 50`,
    ),
  "spawn an agent": (sql, { tenant }) =>
    rpc(sql, serviceRole, "spawn_agent", { lifetime: 60 }, inTenant(tenant)),
  "send a message": (sql, { claims }) =>
    rpc(sql, claims, "send_messages", { messages: [messageTo(String(claims.sub))] as never }),
  "pull the inbox": (sql, { claims, session }) =>
    rpc(sql, claims, "pull_inbox", { session, after: 0, page_limit: 10 }),
};

const lines = new Map<string, { x: number; y: number }[]>();
function add(name: string, on: string, size: number, ms: number): void {
  report({ bench: "growth", name, on, unit: "ms", ours: ms, size });
  const line = `${name} on ${on}`;
  lines.set(line, [...(lines.get(line) ?? []), { x: size, y: ms }]);
}

await onEach(async ({ sql }, on) => {
  for (const size of sizesOn[on]) {
    const tenant = await fill(sql, size);
    await settleAll(sql, size > fresh ? [{ tenant, fresh }] : []);
    const filled = await fillInbox(sql, tenant, size);
    await sql`analyze`;
    for (const [name, call] of Object.entries(calls))
      add(name, on, size, (await measure(rounds(20), () => call(sql, filled))).median);
  }
});

/**
 * Left out of a quick run, because it takes too long. The benchmark `start` measures a start in a quick run
 * too.
 */
if (!quick) await growStart();

for (const [line, points] of lines) console.log(`${line}: slope ${round(slope(points))}`);

async function growStart(): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "mayfly-bench-"));
  let before = 0;
  for (const size of sizesOn.pglite) {
    const full = await startTestLocal({ data });
    await fill(full.sql, size - before);
    before = size;
    await full.close();
    const ms = await timed(async () => (await startTestLocal({ data })).close());
    add("start and end, embedded", "pglite", size, ms);
  }
  await rm(data, { recursive: true, maxRetries: 5 });
}

async function fill(sql: Sql, size: number): Promise<string> {
  const tenant = await makeTenant(sql, unlimited);
  await sql`
    insert into mayfly.memories (tenant_id, id, task, output)
    select ${tenant}, gen_random_uuid(),
      (${words}::text[])[1 + n % 11] || ' ' || (${words}::text[])[1 + (n / 11) % 11] || ' ' || n, 'what came of ' || n
    from generate_series(1, ${size}) n`;
  // Each memory has a random vector, because equal vectors would make any search easy.
  await sql`
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select m.tenant_id, 'bench', m.id, (
      select array_agg(sin(i * (hashtext(m.id::text) % 1000 + 1001))::real) from generate_series(1, 384) i)::extensions.halfvec(384)
    from mayfly.memories m where m.tenant_id = ${tenant}`;
  return tenant;
}

/** Fills the inbox of an agent with `size` messages. All except the last ten are already acknowledged. */
async function fillInbox(sql: Sql, tenant: string, size: number): Promise<Filled> {
  const agent = await makeAgent(sql, tenant, { lifetime: 900 });
  await sql`
    insert into mayfly.messages (tenant_id, id, type, sender_kind, target, payload)
    select ${tenant}, gen_random_uuid(), 'info', 'service', jsonb_build_object('agent', ${agent.id}::text), '{"text": "hello"}'
    from generate_series(1, ${size})`;
  await sql`
    insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id, acknowledged_at)
    select ${tenant}, ${agent.id}, row_number() over (order by m.id), m.id, now()
    from mayfly.messages m where m.tenant_id = ${tenant}`;
  await sql`
    update mayfly.deliveries set acknowledged_at = null where tenant_id = ${tenant} and seq > ${size - 10}`;
  await sql`
    insert into mayfly.inboxes as b (tenant_id, recipient_id, last_seq) values (${tenant}, ${agent.id}, ${size})
    on conflict (tenant_id, recipient_id) do update set last_seq = excluded.last_seq`;
  const session = randomUUID();
  await rpc(sql, agent.claims, "open_inbox", { session });
  return { tenant, claims: agent.claims, session };
}
