/**
 * Pushing batches of 100 through mayfly.sync, log and row-level security and quotas included, against a
 * plain insert … select from jsonb_to_recordset into a table with the same columns and indexes, and one
 * to_tsvector a row (0.8 of its rate is a ratio of 1.25); by size of the batch, and by 1, 8 and 32 writers of one tenant; and a pull at the end of a log of a million events against one at its
 * start, also while a transaction idles that is older than all of it.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/push.ts [--quick] [pushes | batches | writers | pulls]
 */
import { actAs, type Claims, makeAgent, makeTenant, type Session } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { putOf } from "#harness/operations";
import { compare, measure } from "./lib/measure.ts";
import { report, reportComparison } from "./lib/report.ts";
import { rounds, unlimited } from "./lib/target.ts";

const size = 100;
const text =
  "Rotate the signing key: import it, wait until every cache has it, then rotate to it. ".repeat(5);

const db = await openPostgresDatabase({ durable: true });
const columns = `id uuid, agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
  output text, critique text, reward real, success boolean, importance smallint, tags text[], metadata jsonb`;

/** What both are given: the same memories, in the same form. */
const batch = (withVectors: boolean, length = size) =>
  Array.from({ length }, (_, n) => ({
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

async function pushes(withVectors: boolean) {
  const tenant = await makeTenant(db.sql, unlimited);
  const agent = await makeAgent(db.sql, tenant, { lifetime: 900 });
  await db.sql.unsafe(`
    drop table if exists plain_vectors, plain;
    create table plain (like mayfly.memories including defaults including indexes);
    -- One to_tsvector a row, as anybody would have it.
    alter table plain drop column words, drop column words_version;
    alter table plain add column words tsvector
      generated always as (to_tsvector('english', task || ' ' || input || ' ' || output)) stored;
    create index on plain using gin (tenant_id, words, tags);
    create table plain_vectors (like mayfly.memory_vectors including defaults including indexes)`);
  const many = rounds(40, 10);
  // Each is pushed once, by one or the other; made beforehand.
  const batches = Array.from({ length: 2 * (many + 1) }, () => batch(withVectors));
  const push = () =>
    actAs(
      db.sql,
      agent.claims,
      (session: Session) =>
        session`select mayfly.sync(${session.json(batches.pop() ?? [])}, null, 0)`,
    );
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
        [batches.pop() as never, tenant],
      );
    });
  reportComparison(
    {
      bench: "push",
      name: `a push of ${size} ${withVectors ? "with" : "without"} vectors`,
      on: "postgres",
      against: "plain insert",
    },
    await compare(many, push, insert),
  );
}

const push = (claims: Claims, ops: object[]) =>
  actAs(
    db.sql,
    claims,
    (session) => session`select mayfly.sync(${session.json(ops as never)}, null, 0)`,
  );

async function batches() {
  const tenant = await makeTenant(db.sql, unlimited);
  const agent = await makeAgent(db.sql, tenant, { lifetime: 900 });
  for (const length of [1, 10, 100, 1_000]) {
    const { median } = await measure(rounds(20), () => push(agent.claims, batch(false, length)));
    const name = `pushed by ${length}`;
    const row = { bench: "push", name, on: "postgres", unit: "memories a second" };
    report({ ...row, ours: (length / median) * 1000 });
  }
}

/** Each an agent of its own, on a connection of its own as far as there are ten. */
async function writers() {
  const tenant = await makeTenant(db.sql, unlimited);
  let alone = 0;
  for (const count of [1, 8, 32]) {
    const agents = [];
    for (let n = 0; n < count; n++) agents.push(await makeAgent(db.sql, tenant, { lifetime: 900 }));
    const each = Math.ceil(rounds(96, 32) / count);
    const start = performance.now();
    await Promise.all(
      agents.map(async ({ claims }) => {
        for (let n = 0; n < each; n++) await push(claims, batch(false, 10));
      }),
    );
    const rate = ((each * count * 10) / (performance.now() - start)) * 1000;
    alone ||= rate;
    const name = `pushed by 10, ${count} ${count === 1 ? "writer" : "writers"} of one tenant`;
    const row = { bench: "push", name, on: "postgres", unit: "memories a second", ours: rate };
    report(
      count === 1 ? row : { ...row, against: "one writer", baseline: alone, ratio: rate / alone },
    );
  }
}

async function pulls() {
  const tenant = await makeTenant(db.sql, unlimited);
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
  const say = async (since: string, where: string) => {
    const { median } = await measure(rounds(50), async () => {
      const page = await pull(agent.claims, since, 100);
      if (page.events.length !== 100) throw new Error("Not a whole page.");
    });
    report({
      bench: "push",
      name: `a page of 100 events ${where}`,
      on: "postgres",
      unit: "ms",
      ours: median,
    });
  };
  await say(start, "of a thousand");
  const idler = await db.sql.reserve();
  await idler`begin`;
  await idler`select pg_current_xact_id()`;
  const thousands = rounds(1000, 40);
  const length = thousands === 1000 ? "a million" : `${thousands} thousand`;
  for (let n = 0; n < thousands; n++) await append(1000);
  await db.sql`analyze mayfly.events`;
  await say(start, `at the start of ${length}`);
  const { cursor: end } = await pull(agent.claims, "now", 100);
  await append(1000);
  await say(end, `at the end of ${length}, beside a transaction as old as they`);
  await idler`rollback`;
  idler.release();
  const { cursor: last } = await pull(agent.claims, "now", 100);
  await append(1000);
  await say(last, `at the end of ${length}`);
}

const chosen = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const wants = (part: string) => chosen.length === 0 || chosen.includes(part);
try {
  if (wants("pushes")) {
    await pushes(false);
    await pushes(true);
  }
  if (wants("batches")) await batches();
  if (wants("writers")) await writers();
  if (wants("pulls")) await pulls();
} finally {
  await db.close();
}
