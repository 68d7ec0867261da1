/**
 * Recall among 200,000 vectors in 101 tenants, which have 10 to 100,000 vectors each, on a real Postgres 17.
 * Measures how many of the ten nearest vectors the search by meaning finds, and compares its median time with
 * that of the fastest plain query that finds as many. Also compares whole recalls by an agent, by words, by
 * meaning and by both, with the goal: twice the time of the plain queries, plus 0.5 ms. Whole recalls by
 * words are also compared in tenants with conversations and with private memories. Also measures 1, 8 and 32
 * simultaneous callers. With --held-out, the vectors have another distribution, on which nothing was
 * tuned.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/recall.ts [--quick] [--held-out]
 */
import postgres from "postgres";
import { makeAgent } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { quartiles, timed } from "./lib/measure.ts";
import { bestPlain, exact, hnsw, type Measured, makePlain, nameOf, ours } from "./lib/plain.ts";
import { report } from "./lib/report.ts";
import { quick, rounds } from "./lib/target.ts";
import {
  columns,
  compareWholes,
  fillSpecial,
  plainWords,
  rareWord,
  type Wholes,
} from "./lib/wholes.ts";
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
/** Whether a tenant of this size is searched with the index, and compared with plain HNSW. */
const isLarge = (size: number) => size >= 10_000;
/** How much of a large tenant is not settled: 200 of 100,000 vectors. */
const fresh = 1 / 500;
const efs = quick ? [40, 100, 200] : [40, 60, 80, 100, 150, 200, 400];
const on = "postgres";
const bench = "recall";
const held = process.argv.includes("--held-out");

const db = await openPostgresDatabase({ durable: true });
const { sql } = db;
const say = (text: string) => console.log(`${Math.round(performance.now() / 1000)} s: ${text}`);

/**
 * Measures the search by meaning in a tenant of this size. Returns the plain query with which it was
 * compared.
 */
async function vectorPart(size: number, tenant: string, questions: string[]): Promise<string> {
  // The exact query is left out for 100,000 vectors, because comparing all of them takes a tenth of a second.
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
    unit: "%",
    ours: own.recall * 100,
    baseline: best.recall * 100,
    ratio: own.recall / best.recall,
  });
  return best.call;
}

/** Whole recalls in a tenant of this size. `plain` is the plain query by meaning. */
async function wholes(
  size: number,
  tenant: string,
  questions: string[],
  plain: string,
): Promise<Wholes> {
  const { claims } = await makeAgent(sql, tenant, { lifetime: 900 });
  const vector = () => questions[Math.floor(Math.random() * questions.length)] as string;
  const rare = () => rareWord(size);
  const rowsOf = plain.replace(/^select array\(select (.*)\)$/, "$1");
  return {
    size,
    tenant,
    claims,
    kinds: {
      "recall by a rare word": () => [rare(), null],
      "recall by a rare word and a word in every memory": () => [`task ${rare()}`, null],
      "recall by meaning": () => [null, vector()],
      "recall by a rare word and meaning": () => [rare(), vector()],
    },
    async plainly(owner, words, asked) {
      if (words) await plainWords(owner, tenant, words);
      if (asked)
        await owner.query(
          `select ${columns} from (select f from ${rowsOf} f limit 10) f
          join mayfly.memories m on m.tenant_id = $1 and m.id = f.f`,
          [tenant, asked],
        );
    },
  };
}

/** Lets `callers` callers ask at once. Each asks again as soon as it has an answer. */
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
  const name = `the vector part, ${callers} ${callers === 1 ? "search" : "searches"} at a time`;
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
  const special: Wholes[] = [];
  if (!held)
    for (const size of quick ? [100] : [10, 100, 1_000, 10_000])
      special.push(...(await fillSpecial(sql, size)));
  say("the memories and vectors are there");
  const large = [...example]
    .filter(([size]) => isLarge(size))
    .map(([size, tenant]) => ({ tenant, fresh: size * fresh }));
  await settleAll(sql, large);
  const tunings = await sql`select vectors::int, ef_search from mayfly_private.settlements`;
  say(`settled: ${tunings.map((t) => `${t.vectors} at ef_search ${t.ef_search}`).join(", ")}`);

  // Maintenance runs each minute in production. It samples the words, so that a recall knows which words are
  // rare.
  for (const tenant of [...example.values(), ...special.map(({ tenant }) => tenant)])
    await sql`select mayfly_private.maintain_tenant(${tenant}, 10000)`;
  await makePlain(sql);
  const questions = await makeQuestions(sql, quick ? 50 : 100);
  await sql`
    create table questions as
    select n, vector::extensions.halfvec(384) from unnest(${questions}::text[]) with ordinality q (vector, n)`;
  for (const [size, tenant] of example) {
    const plain = await vectorPart(size, tenant, questions);
    if (held) continue;
    await compareWholes(db.url, bench, await wholes(size, tenant, questions, plain));
    if (tenant === large.at(-1)?.tenant)
      for (const callers of [1, 8, 32]) await atOnce(callers, tenant, plain);
  }
  for (const part of special) await compareWholes(db.url, bench, part);
} finally {
  await db.close();
}
