/**
 * Pushing batches of 100 through mayfly.sync, log and row-level security and quotas included, against a
 * plain insert … select from jsonb_to_recordset into a table with the same columns and indexes; and a
 * pull at the end of a log of a million events against one at its start, also while a transaction idles
 * that is older than all of it.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/push.ts [rounds, 0 for the pulls alone]
 */
import { actAs, type Claims, makeAgent, makeTenant, type Session } from "../harness/callers.ts";
import { openPostgresDatabase } from "../harness/database.ts";
import { putOf } from "../harness/operations.ts";

const rounds = Number(process.argv[2] ?? 100);
const size = 100;
const text =
  "Rotate the signing key: import it, wait until every cache has it, then rotate to it. ".repeat(5);

const db = await openPostgresDatabase();
const columns = `id uuid, agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
  output text, critique text, reward real, success boolean, importance smallint, tags text[], metadata jsonb`;

/** What both are given: the same memories, in the same form. */
const batch = (withVectors: boolean) =>
  Array.from({ length: size }, (_, n) => ({
    ...putOf({
      task: `Rotate key ${n}`,
      input: text,
      output: text,
      kind: "episode",
      reward: 0.5,
      importance: 5,
      tags: ["security", `tag${n}`],
      metadata: { n },
    }),
    ...(withVectors && {
      embedding: Array.from({ length: 384 }, () => Number(Math.random().toPrecision(4))),
      model: "m",
    }),
  }));

const timed = async (work: () => Promise<unknown>) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};
const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function pushes(withVectors: boolean) {
  const tenant = await makeTenant(db.sql, {
    writes_per_minute: 100_000_000,
    token_lifetime: "1 hour",
  });
  const agent = await makeAgent(db.sql, tenant, { lifetime: 900 });
  await db.sql.unsafe(`
    drop table if exists plain_vectors, plain;
    create table plain (like mayfly.memories including defaults including generated including indexes);
    create table plain_vectors (like mayfly.memory_vectors including defaults including indexes)`);
  const viaSync: number[] = [];
  const plainly: number[] = [];
  for (let n = 0; n < rounds; n++) {
    const ops = batch(withVectors);
    const push = async () => {
      await actAs(
        db.sql,
        agent.claims,
        (session: Session) => session`select mayfly.sync(${session.json(ops)}, null, 0)`,
      );
    };
    const insert = () =>
      // The same round trips as actAs has.
      db.sql.begin(async (session) => {
        await session`select 1`;
        await session`select 1`;
        await session.unsafe(
          `with given as (select $1::jsonb as ops), rows as (
             insert into plain (tenant_id, id, kind, task, input, output, reward, importance, tags, metadata)
             select $2, r.id, r.kind, r.task, r.input, r.output, r.reward, r.importance, r.tags, r.metadata
             from given, jsonb_to_recordset(jsonb_path_query_array(ops, '$[*].memory')) as r (${columns}))
           insert into plain_vectors (tenant_id, model, memory_id, embedding)
           select $2, r.model, (r.memory ->> 'id')::uuid, r.embedding::text::extensions.halfvec(384)
           from given, jsonb_to_recordset(ops) as r (memory jsonb, model text, embedding jsonb)
           where r.embedding is not null`,
          [ops as never, tenant],
        );
      });
    if (n % 2) {
      viaSync.push(await timed(push));
      plainly.push(await timed(insert));
    } else {
      plainly.push(await timed(insert));
      viaSync.push(await timed(push));
    }
  }
  const [sync, plain] = [median(viaSync), median(plainly)];
  console.log(
    `batches of ${size} ${withVectors ? "with" : "without"} vectors: plain ${plain.toFixed(1)} ms, sync ${sync.toFixed(1)} ms ` +
      `(${Math.round((size / sync) * 1000)} rows/s), ratio ${(plain / sync).toFixed(2)} (median of ${rounds})`,
  );
}

async function pulls() {
  const tenant = await makeTenant(db.sql, { token_lifetime: "1 hour", max_lifetime: "1 hour" });
  const agent = await makeAgent(db.sql, tenant, { lifetime: 900 });
  const pull = (claims: Claims, since: string | null, limit: number) =>
    actAs(db.sql, claims, async (session) => {
      const [row] = await session`select mayfly.sync('[]', ${since}, ${limit}) as answer`;
      return row?.answer as { cursor: string; events: unknown[]; more: boolean };
    });
  const append = (count: number) => db.sql`
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, version)
    select ${tenant}, mayfly_private.current_epoch(), 'state.changed', ${agent.id}, gen_random_uuid(), 1
    from generate_series(1, ${count})`;
  const { cursor: start } = await pull(agent.claims, null, 100);
  await append(1000);
  const measure = async (since: string) => {
    const times: number[] = [];
    for (let n = 0; n < 50; n++) {
      times.push(
        await timed(async () => {
          const page = await pull(agent.claims, since, 100);
          if (page.events.length !== 100) throw new Error("Not a whole page.");
        }),
      );
    }
    return median(times);
  };
  const small = await measure(start);
  const idler = await db.sql.reserve();
  await idler`begin`;
  await idler`select pg_current_xact_id()`;
  for (let n = 0; n < 1000; n++) await append(1000);
  await db.sql`analyze mayfly.events`;
  const atStart = await measure(start);
  const { cursor: end } = await pull(agent.claims, null, 100);
  await append(1000);
  const besideIdler = await measure(end);
  await idler`rollback`;
  idler.release();
  const { cursor: last } = await pull(agent.claims, null, 100);
  await append(1000);
  const atEnd = await measure(last);
  console.log(
    `a page of 100 events: ${small.toFixed(2)} ms in a log of a thousand; in one of a million ` +
      `${atStart.toFixed(2)} ms at its start, ${atEnd.toFixed(2)} ms at its end, ` +
      `${besideIdler.toFixed(2)} ms there beside a transaction that has idled since its start`,
  );
}

try {
  if (rounds > 0) {
    await pushes(false);
    await pushes(true);
  }
  await pulls();
} finally {
  await db.close();
}
