// Recall at full size: 200,000 vectors in 101 tenants of 10 to 100,000, on a real Postgres 17. Prints, for
// each size, how much of the exact best ten the vector part of a recall finds, its p50, and that of the
// best plain query of the same run that finds as much, or 0.99. Takes some minutes; with --held-out on data
// that the constants were not tuned on:
//   DATABASE_URL=postgresql://postgres@127.0.0.1:5432/postgres node tests/bench/recall.ts
import { inTenant, makeAgent } from "../harness/callers.ts";
import { openPostgresDatabase } from "../harness/database.ts";
import { fillTenant, heldOut, makePools, makeQuestions, tuned } from "./vectors.ts";

const groups = [
  { size: 10, tenants: 10 },
  { size: 100, tenants: 10 },
  { size: 1_000, tenants: 70 },
  { size: 2_100, tenants: 9 },
  { size: 10_000, tenants: 1 },
  { size: 100_000, tenants: 1 },
];
const fresh = 200;
const efs = [40, 100, 200, 400, 800];

/** Plain queries without policies, and a clock inside the database: no round trip is measured. */
const helpers = `
create function plain_exact(tenant uuid, asked extensions.halfvec) returns setof uuid language plpgsql stable as $$
begin
  return query select v.memory_id from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = 'bench'
    order by v.embedding operator(extensions.<=>) asked limit 10;
end $$;
create function plain_hnsw(tenant uuid, asked extensions.halfvec, ef integer) returns setof uuid language plpgsql stable
set enable_sort = off set jit = off as $$
begin
  perform set_config('hnsw.ef_search', ef::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true);
  return query select v.memory_id from mayfly.memory_vectors v where v.settled and v.tenant_id = tenant and v.model = 'bench'
    order by v.embedding operator(extensions.<=>) asked limit 10;
end $$;
create function compare(calls text[], tenant uuid, questions text[])
returns table (call text, p50 double precision, recall double precision) language plpgsql as $$
declare
  asked extensions.halfvec(384);
  best uuid[];
  ids uuid[];
  began timestamptz;
begin
  create temp table measured (call text, ms double precision, recall double precision) on commit drop;
  -- The first round warms up.
  for round in 0..2 loop
    for i in 1..cardinality(questions) loop
      asked := questions[i]::extensions.halfvec(384);
      best := array(select plain_exact(tenant, asked));
      foreach call in array calls loop
        began := clock_timestamp();
        execute call into ids using tenant, asked;
        if round > 0 then
          insert into measured values (call, extract(epoch from clock_timestamp() - began) * 1000,
            (select count(*) from unnest(ids) id where id = any (best)) / cardinality(best)::double precision);
        end if;
      end loop;
    end loop;
  end loop;
  return query select m.call, percentile_cont(0.5) within group (order by m.ms), avg(m.recall) from measured m group by m.call;
  drop table measured;
end $$;`;
const ours =
  "select array(select memory_id from mayfly_private.nearest($1, 'bench', $2, 20) limit 10)";
const exact = "select array(select plain_exact($1, $2))";
const hnsw = (ef: number) => `select array(select plain_hnsw($1, $2, ${ef}))`;

const db = await openPostgresDatabase();
try {
  const { sql } = db;
  const say = (text: string) => console.log(`${Math.round(performance.now() / 1000)} s: ${text}`);
  await makePools(sql, process.argv.includes("--held-out") ? heldOut : tuned);
  const example = new Map<number, string>();
  for (const { size, tenants } of groups)
    for (let n = 0; n < tenants; n++) example.set(size, await fillTenant(sql, size));
  say("200,000 memories and vectors are there");

  const [index] =
    await sql`select pg_get_indexdef('mayfly.memory_vectors_settled_idx'::regclass) as made_by`;
  await sql`drop index mayfly.memory_vectors_settled_idx`;
  let settled = 0;
  for (let moved = 1; moved > 0 && settled < 110_000 - fresh; settled += moved) {
    const size = Math.min(2_000, 110_000 - fresh - settled);
    const [batch] = await sql`select mayfly_private.settle_vectors(${size}) as moved`;
    moved = batch?.moved as number;
  }
  say(`${settled} vectors are settled`);
  await sql.unsafe(index?.made_by as string);
  await sql`vacuum analyze`;
  say("the HNSW index is built");

  await sql.unsafe(helpers);
  const questions = await makeQuestions(sql, 50);
  for (const { size } of groups) {
    const tenant = example.get(size) as string;
    const plain = size >= 10_000 ? [exact, ...efs.map(hnsw)] : [exact];
    const rows = await sql<{ call: string; p50: number; recall: number }[]>`
      select * from compare(${[ours, ...plain]}, ${tenant}, ${questions})`;
    const own = rows.find((row) => row.call === ours);
    if (!own) throw new Error("Nothing was measured.");
    const [best] = rows
      .filter((row) => row.call !== ours && row.recall >= Math.min(own.recall, 0.99))
      .sort((a, b) => a.p50 - b.p50);
    if (!best) throw new Error("No plain query finds as much.");
    console.log(
      `${size} vectors: recall@10 ${own.recall.toFixed(4)}, p50 ${own.p50.toFixed(2)} ms; best plain: ` +
        `${best.call === exact ? "exact" : best.call.replace(/.*, (\d+)\)\)$/, "HNSW, ef_search $1")}, ` +
        `recall@10 ${best.recall.toFixed(4)}, p50 ${best.p50.toFixed(2)} ms; ratio ${(own.p50 / best.p50).toFixed(2)}`,
    );
    for (const row of plain.length > 1 ? rows.filter((row) => row.call !== ours) : [])
      console.log(
        `    ${row.call}: recall@10 ${row.recall.toFixed(4)}, p50 ${row.p50.toFixed(2)} ms`,
      );

    // The whole of it, as an agent, beside the plain query under the policies.
    const { claims } = await makeAgent(sql, tenant);
    const timed = async (statement: string) => {
      const times: number[] = [];
      for (const question of questions.slice(0, 20))
        await sql.begin(async (session) => {
          await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
            set_config('request.headers', ${JSON.stringify(inTenant(tenant))}, true)`;
          await session`set local role authenticated`;
          const [row] = await session.unsafe(`explain (analyze, format json) ${statement}`, [
            question,
          ]);
          const [plan] = row?.["QUERY PLAN"] as {
            "Planning Time": number;
            "Execution Time": number;
          }[];
          times.push((plan?.["Planning Time"] ?? 0) + (plan?.["Execution Time"] ?? 0));
        });
      return times.sort((a, b) => a - b)[10]?.toFixed(2);
    };
    const whole = await timed(
      "select * from mayfly.recall('task', $1::text::extensions.halfvec(384)::real[], 'bench')",
    );
    const policies = await timed(
      "select memory_id from mayfly.memory_vectors where model = 'bench' and tenant_id = any ((select mayfly.tenant_ids())::uuid[]) order by embedding operator(extensions.<=>) $1::text::extensions.halfvec(384) limit 10",
    );
    console.log(
      `    a whole recall by words and meaning: ${whole} ms; the exact query under the policies: ${policies} ms`,
    );
  }
} finally {
  await db.close();
}
