import { idOf } from "../contract/ids.ts";
import type { MemoryCache } from "./cache.ts";
import { type Embedder, textOf } from "./embedder.ts";
import { contentOf, type Memory } from "./memory.ts";
import { nowhere, type Places, rank } from "./rank.ts";
import type { RecalledMemory, RecallOptions } from "./recall.ts";
import type { WordIndex } from "./word-index.ts";

/** How many results to take by words, and how many by meaning, like mayfly_private.recall. */
const depth = 50;
/** How many characters to index before yielding to the event loop: about 10 ms. */
const chunk = 100_000;

/**
 * Searches a cache by words, like the server does for a small tenant, and by meaning (exact cosine: 5,000
 * vectors take a few milliseconds). A memory is indexed at the first search after it arrives, so an agent
 * that never searches its cache pays nothing.
 */
export class LocalSearch {
  readonly #cache: MemoryCache;
  readonly #embedder: Embedder | undefined;
  /** Loaded at first use, so that a page that only recalls from the server never loads it. */
  #index: WordIndex | undefined;
  readonly #unindexed = new Set<string>();
  readonly #vectors = new Map<string, { model: string; vector: Float32Array }>();
  #indexing: Promise<void> = Promise.resolve();

  constructor(cache: MemoryCache, embedder?: Embedder) {
    this.#cache = cache;
    this.#embedder = embedder;
    cache.onPut = (memory) => {
      this.#forget(memory.id);
      this.#unindexed.add(memory.id);
    };
    cache.onRemove = (id) => this.#forget(id);
  }

  get model(): string | undefined {
    return this.#embedder?.model;
  }

  /** Adds an existing vector, from the caller or from the server. */
  addVector(id: string, model: string, embedding: number[]): void {
    if (this.#cache.get(id)) this.#vectors.set(id, { model, vector: normalised(embedding) });
  }

  /**
   * The best results from the cache for a question, and the reason if it did not search by meaning.
   *
   * @param now the server's time; memories that have expired by then are not found.
   */
  async recall(query: string, options: RecallOptions, now: number) {
    await this.#catchUp();
    const asked = await this.#embedQuery(query, options);
    const candidates = new Map(
      this.#cache
        .memories()
        .filter((memory) => matches(memory, options, now))
        .map((memory) => [memory.id, memory]),
    );
    const places = new Map<string, Places>();
    const place = (id: string, found: Partial<Places>) =>
      places.set(id, { ...(places.get(id) ?? nowhere), ...found });
    const isByWords = query !== "" && options.weights?.words !== 0;
    const known = this.#cache.memories().filter((memory) => isAlive(memory, now)).length;
    if (isByWords)
      for (const [index, { id, score, fit }] of (
        this.#index?.search(query, known, candidates) ?? []
      ).entries())
        place(id, { words_rank: index + 1, words: score, fit });
    const model = asked.embedding && options.weights?.meaning !== 0 ? asked.model : null;
    if (asked.embedding && model !== null)
      for (const [index, { id, score }] of this.#byVector(
        asked.embedding,
        model,
        candidates,
      ).entries())
        place(id, { vector_rank: index + 1, similarity: score });
    const { limit = 10, grouped = true } = options;
    const ranked = rank(places, candidates, { words: isByWords, model }, now, options);
    const results = grouped ? this.#grouped(ranked.slice(0, 3 * limit)) : ranked;
    return {
      model: asked.embedding ? asked.model : null,
      problem: asked.problem,
      results: results.slice(0, limit).map((found) => ({ duplicates: [], ...found })),
    };
  }

  /** Merges each result with later ones that say the same: see mayfly_private.duplicates_among. */
  #grouped<T extends { memory: Memory }>(ranked: T[]): (T & { duplicates: string[] })[] {
    const groups: (T & { duplicates: string[] })[] = [];
    for (const found of ranked) {
      const same = groups.find(({ memory }) => this.#saySame(memory, found.memory));
      if (same) same.duplicates.push(found.memory.id);
      else groups.push({ ...found, duplicates: [] });
    }
    return groups;
  }

  #saySame(one: Memory, other: Memory): boolean {
    const [a, b] = [one, other].map(({ task, input, output }) =>
      `${task}${input}${output}`.toLowerCase(),
    ) as [string, string];
    return (
      one.kind === other.kind &&
      (a.slice(0, 40) === b.slice(0, 40) || a.slice(-40) === b.slice(-40)) &&
      (this.#index?.likeness(one.id, other.id) ?? 0) >= 0.9
    );
  }

  #byVector(embedding: number[], model: string, candidates: ReadonlyMap<string, Memory>) {
    const asked = normalised(embedding);
    const found: { id: string; score: number }[] = [];
    for (const [id, known] of this.#vectors) {
      if (known.model !== model || !candidates.has(id)) continue;
      let score = 0;
      for (let at = 0; at < asked.length; at++) score += (asked[at] ?? 0) * (known.vector[at] ?? 0);
      // A vector with a negative cosine is not a match, even if there are few matches.
      if (score > 0) found.push({ id, score });
    }
    return found.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)).slice(0, depth);
  }

  async #embedQuery(
    query: string,
    { embedding, model }: RecallOptions,
  ): Promise<{ model: string; embedding: number[] | null; problem: string | null }> {
    if (embedding) return { model: model ?? "", embedding, problem: null };
    const embedder = this.#embedder;
    if (!embedder) {
      return {
        model: "",
        embedding: null,
        problem: "searched by words only: no embedder is configured in the cache",
      };
    }
    try {
      const [made] = await embedder.embed([query]);
      return { model: embedder.model, embedding: made ?? null, problem: null };
    } catch (error) {
      const problem = `searched by words only: the cache's embedder failed: ${String(error)}`;
      return { model: embedder.model, embedding: null, problem };
    }
  }

  /** Indexes what has arrived since the last time. Simultaneous recalls share the work. */
  #catchUp(): Promise<void> {
    this.#indexing = this.#indexing.catch(() => {}).then(() => this.#indexAll());
    return this.#indexing;
  }

  async #indexAll(): Promise<void> {
    this.#index ??= new (await import("./word-index.ts")).WordIndex();
    while (this.#unindexed.size > 0) {
      const memories: Memory[] = [];
      let characters = 0;
      for (const id of this.#unindexed) {
        this.#unindexed.delete(id);
        const memory = this.#cache.get(id);
        if (!memory) continue;
        this.#index.add(memory);
        memories.push(memory);
        characters += 1_000 + memory.input.length + memory.output.length;
        if (characters > chunk) break;
      }
      await this.#embed(memories.filter(({ id }) => !this.#vectors.has(id)));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /**
   * Makes vectors for memories. If that fails, a memory is still found by its words. It is embedded again when
   * it changes.
   */
  async #embed(memories: Memory[]): Promise<void> {
    const embedder = this.#embedder;
    if (!embedder || memories.length === 0) return;
    const made = await embedder.embed(memories.map(textOf)).catch(() => []);
    for (const [index, { id }] of memories.entries()) {
      const vector = made[index];
      if (vector) this.addVector(id, embedder.model, vector);
    }
  }

  #forget(id: string): void {
    this.#unindexed.delete(id);
    this.#vectors.delete(id);
    this.#index?.remove(id);
  }
}

const isAlive = ({ expiresAt }: Memory, now: number) => !expiresAt || expiresAt.getTime() > now;

/**
 * Whether a memory passes the filters, with the same conditions as the where clause of
 * mayfly_private.recall.
 */
export function matches(memory: Memory, options: RecallOptions, now: number): boolean {
  const { kinds, tags, agentId, minReward, since, until, task, sessionId, conversationId } =
    options;
  return (
    isAlive(memory, now) &&
    (!kinds || kinds.includes(memory.kind)) &&
    (!tags || tags.every((tag) => memory.tags.includes(tag))) &&
    (agentId === undefined || memory.agentId === idOf(agentId)) &&
    (task === undefined || memory.task === task) &&
    (sessionId === undefined || memory.sessionId === idOf(sessionId)) &&
    (conversationId === undefined || memory.conversationId === idOf(conversationId)) &&
    (until === undefined || memory.createdAt < until) &&
    (minReward === undefined || (memory.reward !== null && memory.reward >= minReward)) &&
    (!since || memory.createdAt >= since)
  );
}

function normalised(vector: number[]): Float32Array {
  const length = Math.hypot(...vector) || 1;
  return Float32Array.from(vector, (value) => value / length);
}

/** A result of a local recall, in the form of the server's. */
export function recalledLocally(
  {
    memory,
    duplicates,
    score,
    parts,
  }: { memory: Memory } & Pick<RecalledMemory, "duplicates" | "score" | "parts">,
  own: { id: string; name: string },
): RecalledMemory {
  return {
    ...contentOf(memory),
    agentName: memory.agentId === own.id ? own.name : null,
    agentEndedAt: null,
    score,
    parts: { ...parts, local: true },
    duplicates,
  };
}
