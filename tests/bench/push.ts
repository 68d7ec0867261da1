/**
 * Pushes batches of 100 memories through mayfly.push, with the log, row-level security and quotas. The
 * baseline is a plain insert of the same memories into a table with the same columns and indexes, and one
 * to_tsvector for each row. The goal is a ratio of at most 1.6. Also pushes batches of other sizes, and with
 * 1, 8 and 32 writers in one tenant. Compares pulls at the end of a log of a million events with pulls at its
 * start, with and without another transaction that stays open.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/push.ts [--quick] [pushes | batches | writers | pulls]
 */
import { randomUUID } from "node:crypto";
import { type Backend, openBackend } from "#harness/backend";
import { actAs, type Claims, makeAgent, makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { type Call, compareCosts, compareTimes } from "./lib/cost.ts";
import { readCranfield } from "./lib/cranfield.ts";
import { measure } from "./lib/measure.ts";
import { report, reportComparison } from "./lib/report.ts";
import { rounds, unlimited } from "./lib/target.ts";

const size = 100;
/** The texts of the memories: abstracts of about a kilobyte. */
const { documents } = await readCranfield();

const db = await openPostgresDatabase({ durable: true });
const columns = `id uuid, agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
  output text, critique text, reward real, success boolean, importance smallint, tags text[], metadata jsonb`;

let made = 0;
const fields = (n: number) => ({
  task: documents[made % documents.length]?.title ?? "",
  input: "",
  output: documents[made++ % documents.length]?.text ?? "",
  kind: "episode",
  reward: 0.5,
  importance: 5,
  tags: ["security", `tag${n}`],
  metadata: { n },
});
const vector = () => ({
  embedding: Array.from({ length: 384 }, () => Number(Math.random().toPrecision(4))),
  model: "m",
});
const batch = (withVectors: boolean, length = size) =>
  Array.from({ length }, (_, n) => ({
    ...{ id: randomUUID(), type: "memory.put", subject: randomUUID() },
    body: { ...fields(n), ...(withVectors && vector()) },
  }));

const insertPlainly = `
  with given as (select $1::text::jsonb as ops), rows as (
    insert into plain (tenant_id, id, kind, task, input, output, reward, importance, tags, metadata)
    select $2, (o.op ->> 'subject')::uuid, r.kind, r.task, r.input, r.output, r.reward, r.importance, r.tags, r.metadata
    from given, jsonb_array_elements(ops) o (op), jsonb_to_record(o.op -> 'body') as r (${columns}))
  insert into plain_vectors (tenant_id, model, memory_id, embedding)
  select $2, o.op #>> '{body,model}', (o.op ->> 'subject')::uuid, (o.op #>> '{body,embedding}')::extensions.halfvec(384)
  from given, jsonb_array_elements(ops) o (op)
  where o.op #> '{body,embedding}' is not null`;

/**
 * Compares pushes with plain inserts of the same memories: the CPU time of the server's process, and the
 * elapsed time.
 */
async function pushes(withVectors: boolean) {
  const tenant = await makeTenant(db.sql, unlimited);
  const { claims } = await makeAgent(db.sql, tenant, { lifetime: 900 });
  await db.sql.unsafe(`
    drop table if exists plain_vectors, plain;
    create table plain (like mayfly.memories including defaults including indexes);
    -- One to_tsvector a row, as a simple full-text search would have it.
    alter table plain drop column words, drop column words_version;
    alter table plain add column words tsvector
      generated always as (to_tsvector('english', task || ' ' || input || ' ' || output)) stored;
    create index on plain using gin (tenant_id, words, tags);
    create table plain_vectors (like mayfly.memory_vectors including defaults including indexes)`);
  const [agent, owner] = [await openBackend(db.url, claims), await openBackend(db.url)];
  const callOf = (backend: Backend, query: string, ...more: string[]): Call => ({
    backend,
    prepare: () => {
      const values = [JSON.stringify(batch(withVectors)), ...more];
      return () => backend.query(query, values);
    },
  });
  const push = callOf(agent, "select mayfly.push($1::text::jsonb)");
  const plain = callOf(owner, insertPlainly, tenant);
  const row = { bench: "push", on: "postgres", against: "plain insert" };
  const name = `a push of ${size} ${withVectors ? "with" : "without"} vectors`;
  const many = rounds(40, 10);
  reportComparison({ ...row, name: `CPU of ${name}` }, await compareCosts(many, push, plain));
  reportComparison({ ...row, name }, await compareTimes(many, push, plain));
  await Promise.all([agent.close(), owner.close()]);
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
    const name = `pushed in batches of ${length}`;
    const row = { bench: "push", name, on: "postgres", unit: "memories a second" };
    report({ ...row, ours: (length / median) * 1000 });
  }
}

/** Each writer is an agent. Up to ten writers have a connection each. More than ten share ten connections. */
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
    const name = `pushed in batches of 10, by ${count} ${count === 1 ? "writer" : "writers"} of one tenant`;
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
  await say(start, "in a log of a thousand");
  const idler = await db.sql.reserve();
  await idler`begin`;
  await idler`select pg_current_xact_id()`;
  const thousands = rounds(1000, 40);
  const length = thousands === 1000 ? "a million" : `${thousands} thousand`;
  for (let n = 0; n < thousands; n++) await append(1000);
  await db.sql`analyze mayfly.events`;
  await say(start, `at the start of a log of ${length}`);
  const { cursor: end } = await pull(agent.claims, "now", 100);
  await append(1000);
  await say(end, `at the end of a log of ${length}, while a transaction as old as the log is open`);
  await idler`rollback`;
  idler.release();
  const { cursor: last } = await pull(agent.claims, "now", 100);
  await append(1000);
  await say(last, `at the end of a log of ${length}`);
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
