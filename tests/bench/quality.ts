/**
 * How many of the right answers are among the best ten that recall finds, on the Cranfield collection,
 * compared with BM25 and ts_rank over the same words. The two halves of the questions are shown separately,
 * so that a constant that was tuned on one half is tested on the other. Runs on the Postgres in DATABASE_URL,
 * or on PGlite if it is not set.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/quality.ts [--quick]
 */
import { openPgliteDatabase, openPostgresDatabase } from "../harness/database.ts";
import { measureQuality } from "./lib/quality.ts";
import { report } from "./lib/report.ts";

const db = process.env.DATABASE_URL
  ? await openPostgresDatabase({ durable: true })
  : await openPgliteDatabase();
const on = process.env.DATABASE_URL ? "postgres" : "pglite";
try {
  const rows = await measureQuality(db.sql);
  const bm25 = rows.find(({ name }) => name === "BM25")?.all.ndcg ?? Number.NaN;
  const three = (value: number) => value.toFixed(3);
  console.table(
    rows.map(({ name, all, halves, ms }) => ({
      ranker: name,
      "nDCG@10": three(all.ndcg),
      "recall@10": three(all.recall),
      MRR: three(all.mrr),
      "nDCG@10 of the halves": halves.map(({ ndcg }) => three(ndcg)).join(" / "),
      ms: ms === null ? "–" : ms.toFixed(1),
    })),
  );
  for (const { name, all } of rows)
    report({
      bench: "quality",
      name: `nDCG@10, ${name}`,
      on,
      unit: "of 1",
      ours: all.ndcg,
      against: "BM25",
      baseline: bm25,
      ratio: all.ndcg / bm25,
    });
} finally {
  await db.close();
}
