import { v7 as uuidv7 } from "uuid";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { pushAnswer } from "../contract/log.ts";
import type { Link } from "../link/link.ts";
import { type ClusterOptions, type Clusters, cluster } from "./clusters.ts";
import { Conflicts } from "./conflicts.ts";
import { type Context, type ContextOptions, recallContext } from "./context.ts";
import type { ListOptions, Memory, MemoryPage, NewMemory } from "./memory.ts";
import { getMemory, listMemories, queryMemories, readThread } from "./reads.ts";
import type { Recall, RecallOptions } from "./recall.ts";
import { type Recommendations, type RecommendOptions, recommend } from "./recommend.ts";
import { type Reembedded, type ReembedOptions, reembed } from "./reembed.ts";
import { readStatistics, type Statistics } from "./statistics.ts";
import { type Remembered, storeMemories } from "./store.ts";
import { type Tuned, type TuneOptions, tune, untune } from "./tune.ts";

/** What the tenant remembers, as the caller sees it on the server. */
export class Memories {
  /** The fields of memories that wait to be settled by hand. */
  readonly conflicts: Conflicts;
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
    this.conflicts = new Conflicts(link);
  }

  /**
   * The memories that answer a question best, by words and by meaning.
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
   * A memory by its id; null when there is none that the caller may see.
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
   * The memories that the caller may see, by id (those that were made first come first), a page at a
   * time.
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
   * The last memories of a conversation, the oldest of them first.
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
   * The memories that are like another of them, by its meaning and the words of its task and tags.
   * Vectors of `model` are compared: those of the project's own embedder unless it is named.
   *
   * @returns `memory_unknown` when there is no such memory.
   * @example
   * const { data } = await mayfly.memory.similar(id, { limit: 5 });
   */
  similar(id: string, options: Omit<RecallOptions, "embedding"> = {}): Promise<Result<Recall>> {
    return queryMemories(this.#link, { similar_to: id }, options);
  }

  /**
   * What is remembered about a task, packed for a prompt under a budget of tokens: the best first,
   * none of them cut unless `cut` allows it. It says what it left out and why.
   *
   * @returns what `recall` returns.
   * @example
   * const { data } = await mayfly.memory.context({ task: "Rotate the key", maxTokens: 2_000 });
   */
  context(options: ContextOptions): Promise<Result<Context>> {
    return recallContext(options, (query, filters) => this.recall(query, filters));
  }

  /**
   * What worked before for tasks like this one, by their rewards: each way with how often it was tried, how
   * well it went, and why it is recommended; and what did not work. Memories without a reward say nothing of
   * it. `known` is false, with the `reason`, where nothing is known that worked.
   *
   * @returns what `recall` returns.
   * @example
   * const { data } = await mayfly.memory.recommend("Rotate the signing key");
   * for (const { memory, reasons } of data?.recommendations ?? []) console.log(memory.output, reasons);
   */
  recommend(task: string, options: RecommendOptions = {}): Promise<Result<Recommendations>> {
    return recommend(task, options, (query, filters) => this.recall(query, filters));
  }

  /**
   * What the memories are about: a sample of those that the caller sees, in clusters by their words, each with a
   * name of the words that tell it best from the others. The same memories give the same clusters. Needs
   * `memory:read`.
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
   * Remembers something, or up to 1,000 at once, in one round trip: without an outbox, and so not offline.
   * With a `key`, it changes the memory with that key where there is one. Identical content is stored once,
   * unless `allowDuplicate` says otherwise.
   *
   * @returns the id that each memory has, and whether it is new; `invalid_operation` with the field that is
   * wrong; `scope_missing`, `quota_exceeded`, `unavailable`.
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
   * Forgets a memory: its content is erased at once, and it leaves a tombstone.
   *
   * @returns `memory_unknown` where the caller has no such memory that it may forget; `scope_missing`.
   * @example
   * await mayfly.memory.forget(id);
   */
  async forget(id: string): Promise<Result<{ id: string }>> {
    const memory = { id: idOf(id) };
    const push = [{ id: uuidv7(), type: "memory.delete", memory }];
    const { error } = await this.#link.fn("sync", pushAnswer, { push, limit: 0 });
    return error ? failed(error) : ok(memory);
  }

  /**
   * What the tenant remembers, in numbers, of the memories that the caller sees. Reads them all.
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
   * Embeds the tenant's memories by the functions' model, those that have no vector of it, until none
   * is left: after the model was changed. It may be broken off anywhere, and another call goes on.
   * For the secret key.
   *
   * @returns how far it came: `left` is more than 0 when it was aborted, or when some failed for good, of
   * which `problem` says why; `not_configured` without an embedder, `unavailable`, `not_authorized`.
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
   * Measures what the embedding model is worth beside the words, by questions to the tenant's own memories whose
   * answers are known, and sets it for every recall of the tenant that names no weight. Both halves of the
   * questions are shown: where they disagree, the weight stays as it was. Needs `memory:admin`.
   *
   * @returns the table; `not_configured` without an embedder, `invalid_request` where there is too little to
   *   measure by, `scope_missing`.
   * @example
   * const { data } = await mayfly.memory.tune({ apply: false });
   * console.table(data?.table);
   */
  tune(options: TuneOptions = {}): Promise<Result<Tuned>> {
    return tune(this.#link, (query, asked) => this.recall(query, asked), options);
  }

  /** Forgets what was measured of a model: it is worth again what its name says. Needs `memory:admin`. */
  untune(model: string): Promise<Result<{ model: string; meaning: number; unrelated: number }>> {
    return untune(this.#link, model);
  }
}
