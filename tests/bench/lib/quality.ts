/** The quality of recall and of its baselines on Cranfield, by the best ten answers to each question. */
import { randomUUID } from "node:crypto";
import { developmentEmbedder } from "@mayfly/sdk";
import { actAs, makeAgent, makeTenant, type Sql } from "../../harness/callers.ts";
import { readCranfield } from "./cranfield.ts";
import { timed } from "./measure.ts";
import { Bm25, mean, meanOf, type Quality, qualityOf } from "./ranking.ts";
import { unlimited } from "./target.ts";

export interface Ranked {
  name: string;
  all: Quality;
  /** The quality for the questions with odd numbers, and for those with even numbers. */
  halves: [Quality, Quality];
  /** The time for one question, in milliseconds. Null if the benchmark itself ranks, and not the database. */
  ms: number | null;
}

const { model } = developmentEmbedder;
const embed = async (texts: string[]) => developmentEmbedder.embed(texts);
const count = 10;

/** @param only the names of the rankers to measure. By default, all rankers are measured. */
export async function measureQuality(sql: Sql, only?: string[]): Promise<Ranked[]> {
  const { documents, questions } = await readCranfield();
  const tenant = await makeTenant(sql, unlimited);
  const { claims } = await makeAgent(sql, tenant, { lifetime: 900 });
  const numbers = new Map<string, number>();
  for (let from = 0; from < documents.length; from += 100) {
    const some = documents.slice(from, from + 100);
    const embeddings = await embed(some.map(({ title, text }) => `${title}\n${text}`));
    const push = some.map(({ n, title, text }, index) => {
      const id = randomUUID();
      numbers.set(id, n);
      return {
        id: randomUUID(),
        type: "memory.put",
        memory: { id, task: title, output: text, kind: "fact" },
        embedding: embeddings[index],
        model,
      };
    });
    await actAs(sql, claims, (s) => s`select mayfly.sync(${s.json(push as never)}, null, 0)`);
  }
  await sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
  await sql`analyze mayfly.memories`;

  const lexemes = await sql<{ id: string; words: Record<string, number> }[]>`
    select m.id, (select jsonb_object_agg(w.lexeme, coalesce(cardinality(w.positions), 1)) from unnest(m.words) w) as words
    from mayfly.memories m where m.tenant_id = ${tenant}`;
  const bm25 = new Bm25(
    lexemes.map(({ id, words }) => ({
      n: numbers.get(id) ?? 0,
      lexemes: new Map(Object.entries(words ?? {})),
    })),
  );

  const recall = async (text: string, meaning: number | null) => {
    const [embedding] = meaning === 0 ? [null] : await embed([text]);
    const weights = meaning === null ? null : sql.json({ meaning });
    return actAs(sql, claims, async (s) => [
      ...(await s<{ id: string }[]>`
        select id from mayfly.recall(${text}, ${embedding as never}::real[], ${model}, weights => ${weights}, result_limit => ${count})`),
    ]);
  };
  const plain = (text: string) => sql<{ id: string }[]>`
    select m.id from mayfly.memories m,
      (select string_agg('''' || replace(l, '''', '''''') || '''', ' | ')::tsquery as q
      from unnest(tsvector_to_array(to_tsvector('mayfly_private.english', ${text}))) l) asked
    where m.tenant_id = ${tenant} and m.words @@ asked.q
    order by ts_rank(m.words, asked.q) desc, m.id limit ${count}`;
  const lexemesOf = async (text: string) => {
    const [row] = await sql`
      select tsvector_to_array(to_tsvector('mayfly_private.english', mayfly_private.searched(${text}))) as lexemes`;
    return (row?.lexemes ?? []) as string[];
  };
  const inDatabase = (ask: (text: string) => Promise<{ id: string }[]>) => async (text: string) =>
    (await ask(text)).map(({ id }) => numbers.get(id) ?? 0);

  const rankers: [name: string, ask: (text: string) => Promise<number[]>, isTimed: boolean][] = [
    ["plain ts_rank, any word", inDatabase(plain), true],
    ["BM25", async (text) => bm25.rank(await lexemesOf(text)).slice(0, count), false],
    ["recall, words alone", inDatabase((text) => recall(text, 0)), true],
    ["recall, with the development embedder", inDatabase((text) => recall(text, null)), true],
    ["recall, with that embedder at weight 1", inDatabase((text) => recall(text, 1)), true],
  ];
  const ranked: Ranked[] = [];
  for (const [name, ask, isTimed] of rankers) {
    if (only && !only.includes(name)) continue;
    const qualities: Quality[] = [];
    const times: number[] = [];
    for (const { text, relevant } of questions) {
      let found: number[] = [];
      times.push(
        await timed(async () => {
          found = await ask(text);
        }),
      );
      qualities.push(qualityOf(found, relevant));
    }
    ranked.push({
      name,
      all: meanOf(qualities),
      halves: [
        meanOf(qualities.filter((_, index) => index % 2 === 0)),
        meanOf(qualities.filter((_, index) => index % 2 === 1)),
      ],
      ms: isTimed ? mean(times) : null,
    });
  }
  return ranked;
}
