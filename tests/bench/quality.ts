/**
 * How much of what answers a question recall finds, on the Cranfield collection, beside BM25 and ts_rank over the same
 * words: each question's best ten. Both halves of the questions are shown apart, so that a constant that is tuned on one is
 * seen in the other. On the first database there is: Postgres where DATABASE_URL names one, else PGlite.
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
