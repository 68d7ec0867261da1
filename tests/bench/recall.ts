/**
 * Recall among 200,000 vectors in 101 tenants of 10 to 100,000, on a real Postgres 17: how much of the
 * exact best ten the vector part finds, and its p50 against the fastest plain query that finds as much; a
 * whole recall by words, by meaning and by both, as an agent under the policies; and 1, 8 and 32
 * callers at once. With --held-out on vectors that lie otherwise, which nothing was tuned on.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/recall.ts [--quick] [--held-out]
 */
import postgres from "postgres";
import { actAs, makeAgent } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { compare, quartiles, timed } from "./lib/measure.ts";
import { bestPlain, exact, hnsw, type Measured, makePlain, nameOf, ours } from "./lib/plain.ts";
import { report, reportComparison } from "./lib/report.ts";
import { quick, rounds } from "./lib/target.ts";
import { fillTenant, heldOut, makePools, makeQuestions, settleAll, tuned } from "./vectors.ts";

const groups = quick
  ? [
      { size: 10, tenants: 3 },
      { size: 1_000, tenants: 3 },
      { size: 10_000, tenants: 1 },
    ]
  : [
      { size: 10, tenants: 10 },
      { size: 100, tenants: 10 },
      { size: 1_000, tenants: 70 },
      { size: 2_100, tenants: 9 },
      { size: 10_000, tenants: 1 },
      { size: 100_000, tenants: 1 },
    ];
/** Those that are searched by the index, and what is compared with plain HNSW. */
const isLarge = (size: number) => size >= 10_000;
/** The part of a large tenant that is not settled yet: 200 of 100,000. */
const fresh = 1 / 500;
const efs = quick ? [40, 100, 200] : [40, 60, 80, 100, 150, 200, 400];
const on = "postgres";
const bench = "recall";
const held = process.argv.includes("--held-out");

const db = await openPostgresDatabase({ durable: true });
const { sql } = db;
const say = (text: string) => console.log(`${Math.round(performance.now() / 1000)} s: ${text}`);

/** The vector part of a tenant of this size; gives the plain query that it is to be compared with. */
async function vectorPart(size: number, tenant: string, questions: string[]): Promise<string> {
  // A tenth of a second each, at 100,000.
  const calls = [ours, ...(size < 100_000 ? [exact] : []), ...(isLarge(size) ? efs.map(hnsw) : [])];
  const rows = await sql<Measured[]>`
    select * from compare(${calls}, ${tenant}, ${questions}, ${rounds(4, 2)})`;
  const own = rows.find((row) => row.call === ours);
  if (!own) throw new Error("Nothing was measured.");
  const best = bestPlain([...rows], own);
  for (const row of isLarge(size) ? rows : [])
    console.log(
      `  ${row === own ? "ours" : nameOf(row.call)}: recall@10 ${row.recall.toFixed(4)}, ${row.p50.toFixed(2)} ms`,
    );
  const row = { bench, on, against: `plain ${nameOf(best.call)}`, size };
  const name = `the vector part${held ? ", held-out data" : ""}`;
  report({
    ...row,
    name,
    unit: "ms",
    ours: own.p50,
    baseline: best.p50,
    ratio: own.p50 / best.p50,
  });
  report({
    ...row,
    name: `${name}, recall@10`,
    unit: "of the best ten",
    ours: own.recall,
    baseline: best.recall,
    ratio: own.recall / best.recall,
  });
  return best.call;
}

/** Whole recalls as an agent, against the plain queries that they are made of. */
async function wholes(size: number, tenant: string, questions: string[], plain: string) {
  const { claims } = await makeAgent(sql, tenant, { lifetime: 900 });
  const vector = () => questions[Math.floor(Math.random() * questions.length)] as string;
  const words = () => `subject${Math.floor(Math.random() * Math.min(size, 1_000))}`;
  const recall = (query: string | null, asked: string | null) =>
    actAs(
      sql,
      claims,
      (session) =>
        session`select id from mayfly.recall(${query}, ${asked}::text::extensions.halfvec(384)::real[], 'bench')`,
    );
  /** In as many round trips as `actAs` makes. */
  const plainly = (query: string | null, asked: string | null) =>
    sql.begin(async (session) => {
      await session`select 1`;
      await session`select 1`;
      const fullText = `select m.id from mayfly.memories m, to_tsquery('english', $1) q
        where m.tenant_id = $2 and m.words @@ q order by ts_rank(m.words, q, 1) desc limit 10`;
      if (query) await session.unsafe(fullText, [query, tenant]);
      if (asked) await session.unsafe(plain, [tenant, asked]);
    });
  const kinds = {
    "recall by words": [() => recall(words(), null), () => plainly(words(), null)],
    "recall by meaning": [() => recall(null, vector()), () => plainly(null, vector())],
    "recall by both": [() => recall(words(), vector()), () => plainly(words(), vector())],
  } as const;
  for (const [name, [own, baseline]] of Object.entries(kinds))
    reportComparison(
      { bench, name, on, against: "plain queries", size },
      await compare(rounds(100, 10), own, baseline),
    );
}

/** So many callers at once, each asking again when it is answered. */
async function atOnce(callers: number, tenant: string, plain: string) {
  const pool = postgres(db.url, { max: callers, onnotice: () => {} });
  const [row] = await sql`select count(*)::int as n from questions`;
  const seconds = quick ? 0.5 : 3;
  const round = async (call: string) => {
    const text = call.replace("$2", "(select vector from questions where n = $2)");
    const times: number[] = [];
    const until = performance.now() + seconds * 1000;
    const ask = async () => {
      while (performance.now() < until) {
        const question = 1 + Math.floor(Math.random() * row?.n);
        times.push(await timed(() => pool.unsafe(text, [tenant, question], { prepare: true })));
      }
    };
    await Promise.all(Array.from({ length: callers }, ask));
    return { p50: quartiles(times).median, rate: times.length / seconds };
  };
  await round(ours);
  await round(plain);
  const turns = [];
  for (let n = 0; n < rounds(3, 1); n++)
    turns.push({ own: await round(ours), baseline: await round(plain) });
  await pool.end();
  const against = `plain ${nameOf(plain)}`;
  const name = `the vector part, ${callers} at once`;
  for (const [unit, key] of [
    ["ms", "p50"],
    ["a second", "rate"],
  ] as const) {
    const ratio = quartiles(turns.map(({ own, baseline }) => own[key] / baseline[key]));
    report({
      bench,
      name,
      on,
      unit,
      ours: quartiles(turns.map(({ own }) => own[key])).median,
      against,
      baseline: quartiles(turns.map(({ baseline }) => baseline[key])).median,
      ratio: ratio.median,
      spread: [ratio.q1, ratio.q3],
    });
  }
}

try {
  await makePools(sql, held ? heldOut : tuned);
  const example = new Map<number, string>();
  for (const { size, tenants } of groups)
    for (let n = 0; n < tenants; n++) example.set(size, await fillTenant(sql, size));
  say("the memories and vectors are there");
  const large = [...example]
    .filter(([size]) => isLarge(size))
    .map(([size, tenant]) => ({ tenant, fresh: size * fresh }));
  await settleAll(sql, large);
  const tunings = await sql`select vectors::int, ef_search from mayfly_private.settlements`;
  say(`settled: ${tunings.map((t) => `${t.vectors} at ef_search ${t.ef_search}`).join(", ")}`);

  await makePlain(sql);
  const questions = await makeQuestions(sql, quick ? 50 : 100);
  await sql`
    create table questions as
    select n, vector::extensions.halfvec(384) from unnest(${questions}::text[]) with ordinality q (vector, n)`;
  for (const [size, tenant] of example) {
    const plain = await vectorPart(size, tenant, questions);
    if (held) continue;
    await wholes(size, tenant, questions, plain);
    if (tenant === large.at(-1)?.tenant)
      for (const callers of [1, 8, 32]) await atOnce(callers, tenant, plain);
  }
} finally {
  await db.close();
}
