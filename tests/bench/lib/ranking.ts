/** The quality of a ranking, and BM25 as a baseline. */

export interface Quality {
  ndcg: number;
  recall: number;
  mrr: number;
}

const depth = 10;

/** The quality of the best ten documents that were found. Each document is either relevant or not. */
export function qualityOf(found: number[], relevant: ReadonlySet<number>): Quality {
  const gain = (place: number) => 1 / Math.log2(place + 2);
  const best = found.slice(0, depth);
  const hits = best.map((document) => relevant.has(document));
  const sum = hits.reduce((total, hit, place) => total + (hit ? gain(place) : 0), 0);
  const ideal = Array.from({ length: Math.min(depth, relevant.size) }, (_, place) => gain(place));
  const first = found.findIndex((document) => relevant.has(document));
  return {
    ndcg: sum / (ideal.reduce((total, one) => total + one, 0) || 1),
    recall: hits.filter(Boolean).length / (relevant.size || 1),
    mrr: first < 0 ? 0 : 1 / (first + 1),
  };
}

export const mean = (values: number[]) =>
  values.reduce((total, value) => total + value, 0) / (values.length || 1);

export const meanOf = (all: Quality[]): Quality => ({
  ndcg: mean(all.map(({ ndcg }) => ndcg)),
  recall: mean(all.map(({ recall }) => recall)),
  mrr: mean(all.map(({ mrr }) => mrr)),
});

/** Ranks documents by Okapi BM25, with k1 = 1.2 and b = 0.75. The caller provides their lexemes. */
export class Bm25 {
  readonly #postings = new Map<string, { document: number; times: number }[]>();
  readonly #lengths = new Map<number, number>();
  readonly #mean: number;

  constructor(documents: { n: number; lexemes: Map<string, number> }[]) {
    for (const { n, lexemes } of documents) {
      let length = 0;
      for (const [lexeme, times] of lexemes) {
        length += times;
        const postings = this.#postings.get(lexeme) ?? [];
        postings.push({ document: n, times });
        this.#postings.set(lexeme, postings);
      }
      this.#lengths.set(n, length);
    }
    this.#mean = mean([...this.#lengths.values()]);
  }

  rank(question: Iterable<string>): number[] {
    const [k1, b] = [1.2, 0.75];
    const scores = new Map<number, number>();
    for (const lexeme of question) {
      const postings = this.#postings.get(lexeme) ?? [];
      const idf = Math.log(
        1 + (this.#lengths.size - postings.length + 0.5) / (postings.length + 0.5),
      );
      for (const { document, times } of postings) {
        const damping = 1 - b + (b * (this.#lengths.get(document) ?? 0)) / this.#mean;
        const gain = (idf * times * (k1 + 1)) / (times + k1 * damping);
        scores.set(document, (scores.get(document) ?? 0) + gain);
      }
    }
    return [...scores].sort((x, y) => y[1] - x[1] || x[0] - y[0]).map(([document]) => document);
  }
}
