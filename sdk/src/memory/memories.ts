import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { type ClusterOptions, type Clusters, cluster } from "./clusters.ts";
import { Conflicts } from "./conflicts.ts";
import type { ListOptions, Memory, MemoryChange, MemoryPage, NewMemory } from "./memory.ts";
import { type Context, type ContextOptions, recallContext } from "./prompt-context.ts";
import { getMemory, listMemories, queryMemories, readThread } from "./read-memories.ts";
import type { Recall, RecallOptions } from "./recall.ts";
import { type Recommendations, type RecommendOptions, recommend } from "./recommend.ts";
import { type Reembedded, type ReembedOptions, reembed } from "./reembed.ts";
import { readStatistics, type Statistics } from "./statistics.ts";
import { changeMemory, forgetMemory, type Remembered, storeMemories } from "./store.ts";
import { type Tuned, type TuneOptions, tune, untune } from "./tune.ts";

/** The memories of the tenant that the caller may see on the server. */
export class Memories {
  /** Fields of memories that wait for a person's decision. */
  readonly conflicts: Conflicts;
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
    this.conflicts = new Conflicts(link);
  }

  /**
   * Finds the memories that answer a question best, by words and by meaning.
   *
   * @returns `invalid_request`, `not_authorized`, `scope_missing`, `unavailable`.
   * @example
   * const { data } = await mayfly.memory.recall("where do we rotate keys?", { limit: 3 });
   * for (const hit of data?.results ?? []) console.log(hit.score, hit.agentName, hit.task);
   */
  recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const { embedding, model } = options;
    const asked = { query, ...(embedding && { embedding }), ...(model && { model }) };
    return queryMemories(this.#link, asked, options);
  }

  /**
   * Reads a memory by its id. Null if there is none that the caller may see.
   *
   * @returns `not_authorized`, `tenant_unknown`, `unavailable`.
   * @example
   * const { data: memory } = await mayfly.memory.get(id);
   */
  async get(id: string): Promise<Result<Memory | null>> {
    const tenant = this.#link.tenant("A memory");
    return tenant.error ? tenant : getMemory(this.#link, tenant.data, id);
  }

  /**
   * Lists the memories that the caller may see, by id (oldest first, unless you pass `newestFirst`), one page
   * at a time.
   *
   * @example
   * const { data: page } = await mayfly.memory.list({ tags: ["security"], minReward: 0.8 });
   * const { data: next } = await mayfly.memory.list({ tags: ["security"], after: page?.next ?? "" });
   */
  async list(options: ListOptions = {}): Promise<Result<MemoryPage>> {
    const tenant = this.#link.tenant("A memory");
    return tenant.error ? tenant : listMemories(this.#link, tenant.data, options);
  }

  /**
   * The last memories of a conversation, oldest first.
   *
   * @param options `last`: how many, 50 by default, 1,000 at most.
   * @example
   * const { data: turns } = await mayfly.memory.thread(conversationId, { last: 20 });
   */
  async thread(
    conversationId: string,
    { last = 50 }: { last?: number } = {},
  ): Promise<Result<Memory[]>> {
    const tenant = this.#link.tenant("A memory");
    return tenant.error ? tenant : readThread(this.#link, tenant.data, conversationId, last);
  }

  /**
   * Finds memories that resemble another one, by meaning and by the words of its task and tags. It compares
   * vectors of `model`, by default the project's own embedder.
   *
   * @returns `memory_unknown` if there is no such memory.
   * @example
   * const { data } = await mayfly.memory.similar(id, { limit: 5 });
   */
  similar(id: string, options: Omit<RecallOptions, "embedding"> = {}): Promise<Result<Recall>> {
    return queryMemories(this.#link, { similar_to: id }, options);
  }

  /**
   * Packs what is remembered about a task into a prompt within a token budget, best first. No memory is cut
   * unless you set `cut`. The result says what was left out and why.
   *
   * @returns the same errors as `recall`.
   * @example
   * const { data } = await mayfly.memory.context({ task: "Rotate the key", maxTokens: 2_000 });
   */
  context(options: ContextOptions): Promise<Result<Context>> {
    return recallContext(options, (query, filters) => this.recall(query, filters));
  }

  /**
   * Shows what worked before for similar tasks, and what did not, judged by rewards. Each approach
   * comes with how often it was tried, how well it went, and why it is recommended. Memories
   * without a reward do not count. If nothing is known to work, `known` is false and `reason` says
   * why.
   *
   * @returns the same errors as `recall`.
   * @example
   * const { data } = await mayfly.memory.recommend("Rotate the signing key");
   * for (const { memory, reasons } of data?.recommendations ?? []) console.log(memory.output, reasons);
   */
  recommend(task: string, options: RecommendOptions = {}): Promise<Result<Recommendations>> {
    return recommend(task, options, (query, filters) => this.recall(query, filters));
  }

  /**
   * Groups a sample of the memories that the caller may see into clusters by their words. Each cluster is
   * named by the words that set it apart. The same memories give the same clusters. Needs `memory:read`.
   *
   * @returns `invalid_request`, `scope_missing`.
   * @example
   * const { data } = await mayfly.memory.clusters();
   * for (const { name, size } of data?.clusters ?? []) console.log(size, name);
   */
  async clusters(options: ClusterOptions = {}): Promise<Result<Clusters>> {
    const tenant = this.#link.tenant("A memory");
    return tenant.error ? tenant : cluster(this.#link, tenant.data, options);
  }

  /**
   * Remembers up to 1,000 memories in one round trip, without an outbox, so not offline. If there already is a
   * memory with the same `key`, that memory is changed. Identical content is stored once, unless you pass
   * `allowDuplicate`.
   *
   * @returns the id of each memory, and whether it is new. Errors: `invalid_operation` with the field,
   * `scope_missing`, `quota_exceeded`, `unavailable`.
   * @example
   * const { data } = await mayfly.memory.remember({ key: "port", kind: "fact", task: "port", output: "5432" });
   * console.log(data?.id, data?.status);
   */
  remember(memory: NewMemory): Promise<Result<Remembered>>;
  remember(memories: NewMemory[]): Promise<Result<Remembered[]>>;
  async remember(memory: NewMemory | NewMemory[]): Promise<Result<Remembered | Remembered[]>> {
    const stored = await storeMemories(this.#link, [memory].flat());
    if (stored.error) return stored;
    return ok(Array.isArray(memory) ? stored.data : (stored.data[0] as Remembered));
  }

  /**
   * Changes fields of a memory, without an outbox. Null resets a field to its default. See
   * `agent.memory.update` for `base` and `resolve`.
   *
   * @returns `memory_unknown` if there is no such memory that the caller may change; `invalid_operation` with
   * the field; `scope_missing`, `unavailable`.
   * @example
   * await mayfly.memory.update(id, { set: { reward: 1, tags: ["keys"] } });
   */
  update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    return changeMemory(this.#link, id, change);
  }

  /**
   * Forgets a memory. Its content is erased at once, and a tombstone remains.
   *
   * @returns `memory_unknown` if there is no such memory that the caller may forget; `scope_missing`.
   * @example
   * await mayfly.memory.forget(id);
   */
  forget(id: string): Promise<Result<{ id: string }>> {
    return forgetMemory(this.#link, id);
  }

  /**
   * Counts the tenant's memories that the caller may see. All of them are read, so this takes longer in a
   * large tenant.
   *
   * @returns `scope_missing` without `memory:read`.
   * @example
   * const { data } = await mayfly.memory.statistics();
   * console.log(data?.memories, data?.byKind.episode, data?.withoutVector);
   */
  statistics(): Promise<Result<Statistics>> {
    return readStatistics(this.#link);
  }

  /**
   * Embeds all memories of the tenant that have no vector of the functions' model, for example after you
   * changed the model. You can stop it at any time, and another call continues. Needs the secret key.
   *
   * @returns how far it came. `left` is more than 0 if it was aborted, or if some memories failed for good
   * (`problem` says why). Errors: `not_configured` without an embedder, `unavailable`, `not_authorized`.
   * @example
   * const { data } = await mayfly.memory.reembed({
   *   forgetOthers: true,
   *   onProgress: ({ embedded, memories }) => console.log(`${embedded} of ${memories}`),
   * });
   */
  reembed(options: ReembedOptions = {}): Promise<Result<Reembedded>> {
    return reembed(this.#link, options);
  }

  /**
   * Measures how much the embedding model helps. It asks questions with known answers about the tenant's
   * own memories. Then it sets the best weight of meaning for every recall of the tenant that passes no
   * weight. The result shows each half of the questions separately. If the halves disagree, the weight stays
   * as it was. Needs `memory:admin`.
   *
   * @returns the table. Errors: `not_configured` without an embedder, `invalid_request` if there is too
   * little to measure, `scope_missing`.
   * @example
   * const { data } = await mayfly.memory.tune({ apply: false });
   * console.table(data?.table);
   */
  tune(options: TuneOptions = {}): Promise<Result<Tuned>> {
    return tune(this.#link, (query, asked) => this.recall(query, asked), options);
  }

  /** Restores the default weight of a model. Needs `memory:admin`. */
  untune(model: string): Promise<Result<{ model: string; meaning: number; unrelated: number }>> {
    return untune(this.#link, model);
  }
}
