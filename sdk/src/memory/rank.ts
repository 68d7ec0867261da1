/** The ranking of a local recall: the formula of mayfly_private.recall, applied to the cache. */
import type { MemoryKind } from "../contract/schemas.ts";
import type { RecallOptions } from "./recall.ts";
import type { ScoreParts } from "./score.ts";

const dayMs = 86_400_000;
/**
 * The best memories lend part of their score to neighbours: how many lend, and to how many on each side.
 */
const lenders = 20;
const reach = 2;

/** After how many days a memory of a kind loses half its freshness, like mayfly_private.half_life. */
const halfLifeDays: Partial<Record<MemoryKind, number>> = {
  working: 1,
  conversation: 7,
  learning: 180,
  fact: 365,
};
const otherHalfLifeDays = 30;

/** The ranks of a memory in the two searches. */
export type Places = Pick<
  ScoreParts,
  "words_rank" | "words" | "fit" | "typos" | "vector_rank" | "similarity"
>;

interface Ranked {
  id: string;
  kind: MemoryKind;
  reward: number | null;
  importance: number;
  createdAt: Date;
  sessionId?: string | null;
  conversationId?: string | null;
}

/** Like mayfly_private.model_worth: the weight of meaning, and the similarity of unrelated memories. */
export function worthOf(model: string): { meaning: number; unrelated: number } {
  if (model.startsWith("mayfly-dev-")) return { meaning: 0.1, unrelated: 0.1 };
  if (model.includes("gte-small")) return { meaning: 1, unrelated: 0.7 };
  if (model.startsWith("text-embedding-3-")) return { meaning: 1, unrelated: 0.15 };
  return { meaning: 1, unrelated: 0.3 };
}

/**
 * The scores of what was found, best first, with their parts. Here, w are the weights:
 *
 *   fused     = (w.words * words / best words + w.meaning * likeness / best likeness) / (w.words + w.meaning),
 *               plus what neighbours lend, divided by the best such sum
 *   level     = (w.words * best fit + w.meaning * best likeness) / (w.words + w.meaning)
 *   relevance = fused * level
 *   score     = relevance * (1 - w.reward - w.importance - w.recency
 *                 + w.reward * reward + w.importance * importance / 10 + w.recency * recency)
 *
 * @param asked whether the question had words, and the model of its vector, or null if it had none.
 * @param candidates what may be found; neighbours are among these.
 */
export function rank<M extends Ranked>(
  places: ReadonlyMap<string, Places>,
  candidates: ReadonlyMap<string, M>,
  asked: { words: boolean; model: string | null },
  now: number,
  { weights = {}, halfLives }: Pick<RecallOptions, "weights" | "halfLives"> = {},
): { memory: M; score: number; parts: ScoreParts }[] {
  const { unrelated, meaning: worth } = worthOf(asked.model ?? "");
  const { neighbours = 0.3, reward = 0.1, importance = 0.1, recency = 0.1 } = weights;
  const words = asked.words ? (weights.words ?? 1) : 0;
  const meaning = asked.model === null ? 0 : (weights.meaning ?? worth);
  const likeness = (similarity: number | null) =>
    similarity === null
      ? 0
      : 0.01 * Math.min(1, similarity / unrelated) +
        (0.99 * Math.max(0, similarity - unrelated)) / (1 - unrelated);
  const best = { words: 0, fit: 0, likeness: 0 };
  for (const found of places.values()) {
    best.words = Math.max(best.words, found.words ?? 0);
    best.fit = Math.max(best.fit, found.fit ?? 0);
    best.likeness = Math.max(best.likeness, likeness(found.similarity));
  }
  const all = words + meaning || 1;
  const level = (words * best.fit + meaning * best.likeness) / all;

  const fused = [...places]
    .map(([id, found]) => ({
      id,
      relevance:
        (words * ((found.words ?? 0) / (best.words || 1)) +
          meaning * (likeness(found.similarity) / (best.likeness || 1))) /
        all,
    }))
    .sort((a, b) => b.relevance - a.relevance || (a.id < b.id ? -1 : 1));
  const lent = lend(fused.slice(0, lenders), candidates, neighbours);
  const sums = new Map(fused.map(({ id, relevance }) => [id, relevance]));
  for (const [id, gain] of lent) sums.set(id, (sums.get(id) ?? 0) + gain);
  const scale = level / (Math.max(...sums.values(), 0) || 1);

  return [...sums]
    .flatMap(([id, sum]) => {
      const memory = candidates.get(id);
      if (!memory) return [];
      const age = Math.max(now - memory.createdAt.getTime(), 0);
      const halfLife = halfLives?.[memory.kind] ?? halfLifeDays[memory.kind] ?? otherHalfLifeDays;
      const gain = lent.get(id);
      const parts = {
        ...(places.get(id) ?? nowhere),
        neighbours: gain === undefined ? null : gain * scale,
        relevance: sum * scale,
        reward: memory.reward ?? 0.5,
        importance: memory.importance,
        recency: 0.5 ** (age / (halfLife * dayMs)),
      };
      const rest = 1 - reward - importance - recency;
      const value = reward * parts.reward + (importance * parts.importance) / 10;
      const score = parts.relevance * (rest + value + recency * parts.recency);
      return [{ memory, score, parts }];
    })
    .sort((a, b) => b.score - a.score || (a.memory.id < b.memory.id ? -1 : 1));
}

export const nowhere: Places = {
  words_rank: null,
  words: null,
  fit: null,
  typos: null,
  vector_rank: null,
  similarity: null,
};

/**
 * What the best results lend to the memories right before and after them: see mayfly_private.neighbours_of.
 */
function lend<M extends Ranked>(
  best: { id: string; relevance: number }[],
  candidates: ReadonlyMap<string, M>,
  share: number,
): Map<string, number> {
  const lent = new Map<string, number>();
  if (share === 0) return lent;
  const threadOf = (memory: M | undefined) => memory?.conversationId ?? memory?.sessionId ?? null;
  const wanted = new Set(best.map(({ id }) => threadOf(candidates.get(id))));
  wanted.delete(null);
  if (wanted.size === 0) return lent;
  const threads = new Map<string, M[]>();
  for (const memory of candidates.values()) {
    const thread = threadOf(memory);
    if (thread !== null && wanted.has(thread))
      threads.set(thread, [...(threads.get(thread) ?? []), memory]);
  }
  for (const thread of threads.values())
    thread.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  for (const { id, relevance } of best) {
    const thread = threads.get(threadOf(candidates.get(id)) ?? "") ?? [];
    const at = thread.findIndex((memory) => memory.id === id);
    for (let distance = 1; at >= 0 && distance <= reach; distance++)
      for (const neighbour of [thread[at - distance], thread[at + distance]])
        if (neighbour)
          lent.set(neighbour.id, (lent.get(neighbour.id) ?? 0) + (share * relevance) / distance);
  }
  return lent;
}
