/**
 * Measures how well words and meaning together find known answers, at any weight of meaning. It combines
 * the two like the SQL function `mayfly.recall`.
 */

/** The results of one question, by words and by meaning separately. */
export interface Findings {
  relevant: ReadonlySet<string>;
  /** The score of each memory by words, the best first. */
  words: ReadonlyMap<string, number>;
  /** The similarity of each memory to the question, the best first. */
  meaning: ReadonlyMap<string, number>;
}

/** How far a similarity lies above that of unrelated memories, from 0 to 1. */
const likeness = (similarity: number, unrelated: number) =>
  0.01 * Math.min(1, similarity / unrelated) +
  (0.99 * Math.max(0, similarity - unrelated)) / (1 - unrelated);

/** Returns the ids, the best first, with weight 1 for words and `weight` for meaning. */
export function fuse({ words, meaning }: Findings, weight: number, unrelated: number): string[] {
  const [bestWords = 1] = words.values();
  const [bestSimilarity = 1] = meaning.values();
  const bestLikeness = likeness(bestSimilarity, unrelated);
  const scores = new Map<string, number>();
  for (const [id, score] of words) scores.set(id, score / bestWords);
  if (weight > 0)
    for (const [id, similarity] of meaning) {
      const share = (weight * likeness(similarity, unrelated)) / bestLikeness;
      scores.set(id, (scores.get(id) ?? 0) + share);
    }
  return [...scores].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([id]) => id);
}

/** How good a ranking is (nDCG@10). It is 1 if all answers come first, or ten of them if there are more. */
export function ndcg(found: string[], relevant: ReadonlySet<string>): number {
  const gain = (place: number) => 1 / Math.log2(place + 2);
  const sum = (places: number[]) => places.reduce((total, place) => total + gain(place), 0);
  const hits = found.slice(0, 10).flatMap((id, place) => (relevant.has(id) ? [place] : []));
  return sum(hits) / sum([...Array(Math.min(10, relevant.size)).keys()]);
}
