import { type AnyOrama, create, insert, remove, search } from "@orama/orama";
import { idOf } from "../contract/ids.ts";
import { STOP_WORDS, stemOf, words } from "../contract/words.ts";
import type { MemoryCache } from "./cache.ts";
import { type Embedder, textOf } from "./embedder.ts";
import { contentOf, type Memory } from "./memory.ts";
import { type Places, scoreOf } from "./rank.ts";
import type { RecalledMemory, RecallOptions } from "./recall.ts";

/** As many from each side, as mayfly_private.recall takes. */
const depth = 100;
/** Of a longer text the start: 100,000 characters take Orama half a second. */
const maxCharacters = 10_000;
/** Memories that are indexed between two breaths of the event loop: about 1 ms each. */
const chunk = 50;
/** Orama keeps the number of everything it ever held: after so many the index is made anew. */
const maxRemovals = 20_000;

/** Stems without stop words, identifiers split, in every script; Orama's own keeps Latin alone. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  for (const { word, compound } of words(text.slice(0, maxCharacters))) {
    if (compound) tokens.push(word);
    else if (!STOP_WORDS.has(word)) tokens.push(stemOf(word));
  }
  return [...new Set(tokens)];
}

const newIndex = (): AnyOrama =>
  create({
    schema: { task: "string", tags: "string", body: "string" },
    components: { tokenizer: { language: "english", normalizationCache: new Map(), tokenize } },
  });

/**
 * Searches a cache by words (BM25, by Orama) and by meaning (cosine, exact: 5,000 vectors take some
 * milliseconds). A memory is indexed when it is first asked for: an agent that is always online pays
 * nothing.
 */
export class LocalSearch {
  readonly #cache: MemoryCache;
  readonly #embedder: Embedder | undefined;
  #index = newIndex();
  readonly #indexed = new Set<string>();
  readonly #unindexed = new Set<string>();
  readonly #vectors = new Map<string, { model: string; vector: Float32Array }>();
  #removals = 0;
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

  /** A vector that is already there, of the caller or of the server. */
  addVector(id: string, model: string, embedding: number[]): void {
    if (this.#cache.get(id)) this.#vectors.set(id, { model, vector: normalised(embedding) });
  }

  /**
   * The best of the cache for a question, with what kept meaning out of it, if anything did.
   *
   * @param now the server's time: what has expired by it is not found.
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
    const placesOf = (id: string) => {
      const known = places.get(id) ?? {
        words_rank: null,
        words: null,
        typos: null,
        vector_rank: null,
        similarity: null,
      };
      places.set(id, known);
      return known;
    };
    this.#byWords(query, candidates).forEach(({ id, score }, index) => {
      Object.assign(placesOf(id), { words_rank: index + 1, words: score });
    });
    if (asked.embedding) {
      this.#byVector(asked.embedding, asked.model, candidates).forEach(({ id, score }, index) => {
        Object.assign(placesOf(id), { vector_rank: index + 1, similarity: score });
      });
    }
    const results = [...places]
      .flatMap(([id, found]) => {
        const memory = candidates.get(id);
        return memory ? [{ memory, ...scoreOf(memory, found, now, options) }] : [];
      })
      .sort((a, b) => b.score - a.score || (a.memory.id < b.memory.id ? -1 : 1))
      .slice(0, options.limit ?? 10);
    return { model: asked.embedding ? asked.model : null, problem: asked.problem, results };
  }

  #byWords(query: string, candidates: ReadonlyMap<string, Memory>) {
    // An empty term would find everything.
    if (tokenize(query).length === 0) return [];
    const found = search(this.#index, {
      term: query,
      properties: ["task", "tags", "body"],
      boost: { task: 2, tags: 2 },
      limit: Math.max(this.#indexed.size, 1),
    }) as { hits: { id: string; score: number }[] };
    return found.hits.filter(({ id }) => candidates.has(id)).slice(0, depth);
  }

  #byVector(embedding: number[], model: string, candidates: ReadonlyMap<string, Memory>) {
    const asked = normalised(embedding);
    const found: { id: string; score: number }[] = [];
    for (const [id, known] of this.#vectors) {
      if (known.model !== model || !candidates.has(id)) continue;
      let score = 0;
      for (let at = 0; at < asked.length; at++) score += (asked[at] ?? 0) * (known.vector[at] ?? 0);
      // A vector that points elsewhere is no match, however few there are.
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
        problem: "by words alone: no embedder is configured here",
      };
    }
    try {
      const [made] = await embedder.embed([query]);
      return { model: embedder.model, embedding: made ?? null, problem: null };
    } catch (error) {
      const problem = `by words alone: the embedder failed here: ${String(error)}`;
      return { model: embedder.model, embedding: null, problem };
    }
  }

  /** Indexes what has come since the last time; recalls at the same time share it. */
  #catchUp(): Promise<void> {
    this.#indexing = this.#indexing.catch(() => {}).then(() => this.#indexAll());
    return this.#indexing;
  }

  async #indexAll(): Promise<void> {
    while (this.#unindexed.size > 0) {
      const memories = [...this.#unindexed]
        .slice(0, chunk)
        .flatMap((id) => this.#cache.get(id) ?? []);
      for (const id of [...this.#unindexed].slice(0, chunk)) this.#unindexed.delete(id);
      for (const memory of memories) {
        this.#indexed.add(memory.id);
        insert(this.#index, {
          id: memory.id,
          task: memory.task,
          tags: memory.tags.join(" "),
          body: `${memory.input}\n${memory.output}\n${memory.critique}`.slice(0, maxCharacters),
        });
      }
      await this.#embed(memories.filter(({ id }) => !this.#vectors.has(id)));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** What has no vector is found by words, and tried again when it changes. */
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
    if (!this.#indexed.delete(id)) return;
    remove(this.#index, id);
    this.#removals++;
    if (this.#removals < maxRemovals) return;
    for (const other of this.#indexed) this.#unindexed.add(other);
    this.#indexed.clear();
    this.#index = newIndex();
    this.#removals = 0;
  }
}

/** What the where clause of mayfly_private.recall says. */
export function matches(memory: Memory, options: RecallOptions, now: number): boolean {
  const { kinds, tags, agentId, minReward, since, until, task, sessionId, conversationId } =
    options;
  return (
    (!memory.expiresAt || memory.expiresAt.getTime() > now) &&
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

/** A result of a local recall, as a recall of the server has it. */
export function recalledLocally(
  { memory, score, parts }: { memory: Memory } & Pick<RecalledMemory, "score" | "parts">,
  own: { id: string; name: string },
): RecalledMemory {
  return {
    ...contentOf(memory),
    agentName: memory.agentId === own.id ? own.name : null,
    agentEndedAt: null,
    score,
    parts: { ...parts, local: true },
  };
}
