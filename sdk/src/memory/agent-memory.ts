import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Link, Self } from "../link/link.ts";
import type { AgentOutbox } from "../outbox/agent-outbox.ts";
import { type CacheOptions, MemoryCache } from "./cache.ts";
import type { ClusterOptions, Clusters } from "./clusters.ts";
import type { Conflicts } from "./conflicts.ts";
import { LocalSearch, recalledLocally } from "./local-search.ts";
import { Memories } from "./memories.ts";
import type { ListOptions, Memory, MemoryChange, MemoryPage, NewMemory } from "./memory.ts";
import { noteOf } from "./note-of.ts";
import { type Context, type ContextOptions, recallContext } from "./prompt-context.ts";
import { MemoryWrites } from "./queued-writes.ts";
import { type Recall, type RecallOptions, wrongQuery } from "./recall.ts";
import { type Recommendations, type RecommendOptions, recommend } from "./recommend.ts";
import type { Statistics } from "./statistics.ts";
import { pullAll, type Synced, type SyncOptions } from "./sync.ts";
import { Unsynced } from "./unsynced.ts";

/** An agent's memories: those on the server, plus its own changes that are not synced yet. */
export class AgentMemory {
  readonly #link: Link;
  readonly #self: Self;
  readonly #outbox: AgentOutbox;
  readonly #server: Memories;
  readonly #cache: MemoryCache;
  readonly #search: LocalSearch;
  /** Its own changes that the server has not acknowledged. */
  readonly #own: Unsynced;
  readonly #writes: MemoryWrites;

  /** @internal */
  constructor(link: Link, self: Self, outbox: AgentOutbox, options: CacheOptions) {
    this.#link = link;
    this.#self = self;
    this.#outbox = outbox;
    this.#server = new Memories(link);
    this.#cache = new MemoryCache(options);
    this.#search = new LocalSearch(this.#cache, options.embedder);
    this.#own = new Unsynced(outbox.tenant, self, this.#cache, options.embedder);
    this.#writes = new MemoryWrites(link, self, outbox, this.#cache, this.#search);
    outbox.onSettled = (...settled) => this.#cache.settle(...settled);
  }

  /** How many memories are cached for `recallLocal`. */
  get cached(): number {
    return this.#cache.size;
  }

  /** Conflicts that updates with `resolve: "manual"` left for a person. */
  get conflicts(): Conflicts {
    return this.#server.conflicts;
  }

  /**
   * Remembers something. It is at once in the local cache and the outbox (durable with `new Mayfly({ storage
   * })`), and on the server after the next `sync`. This agent's own `recall`, `context`, `get` and `thread`
   * find it before that. An array is stored as a whole or not at all.
   *
   * If there already is a memory with the same `key`, that memory is changed. Identical content is stored
   * once for each tenant, unless you pass `allowDuplicate`. The returned id then also names the existing
   * memory.
   *
   * @returns the id of the memory, or for an array the ids in the same order. Errors: `invalid_request`
   * with the field, `storage_failed`, and `agent_not_alive` after the agent's end.
   * @example
   * const { data } = await agent.remember({
   *   task: "Rotate the signing key",
   *   output: "Import the new key, wait for the JWKS cache, then rotate.",
   *   reward: 0.9,
   *   tags: ["security"],
   * });
   * await agent.remember({ key: "port", kind: "fact", task: "port", output: "5432" });
   * await agent.remember([{ input: "one" }, { input: "two" }]);
   */
  remember(memory: NewMemory): Promise<Result<{ id: string }>>;
  remember(memories: NewMemory[]): Promise<Result<{ id: string }[]>>;
  async remember(
    memory: NewMemory | NewMemory[],
  ): Promise<Result<{ id: string } | { id: string }[]>> {
    if (Array.isArray(memory)) return this.#writes.remember(memory);
    const { data, error } = await this.#writes.remember([memory]);
    return error ? failed(error) : ok(data[0] as { id: string });
  }

  /**
   * Changes fields of a memory, at once in the local cache, and on the server with the next `sync`.
   * There it is merged field by field with the changes of others. With `latest_wins`, the change
   * that was made last wins, not the one that was pushed last. If the memory was forgotten
   * meanwhile, it stays forgotten.
   *
   * @returns `invalid_request` with the field; `storage_failed`.
   * @example
   * await agent.memory.update(id, {
   *   set: { tags: ["keys", "tried"], reward: 0.9 },
   *   base: { tags: ["keys"] },
   *   resolve: "merge",
   * });
   */
  update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    return this.#writes.update(id, change);
  }

  /**
   * Forgets a memory. It leaves the local cache at once, and its content is erased with the next `sync`.
   *
   * @returns `invalid_request`; `storage_failed`.
   * @example
   * await agent.memory.forget(id);
   */
  forget(id: string): Promise<Result<{ id: string }>> {
    return this.#writes.forget(id);
  }

  /**
   * Reads a memory by its id. Null if there is none that this agent may see. The memory comes from the
   * server. If this agent has unsynced changes to it, they are included, and the memory is marked `unsynced`.
   *
   * @example
   * const { data: memory } = await agent.memory.get(id);
   */
  async get(name: string): Promise<Result<Memory | null>> {
    const id = this.#cache.idOf(idOf(name));
    const before = this.#own.waiting();
    const own = this.#outbox.over ? null : this.#own.memory(id, null, this.#own.since(before));
    // Do not ask the server for a memory that only the outbox has.
    if (own) return ok(own);
    const answer = await this.#server.get(id);
    if (answer.error) return answer;
    return ok(this.#own.memory(id, answer.data, this.#own.since(before)));
  }

  /**
   * Lists the memories that this agent may see on the server, by id (oldest first), one page at a time.
   *
   * @example
   * const { data: page } = await agent.memory.list({ tags: ["security"], minReward: 0.8 });
   * const { data: next } = await agent.memory.list({ tags: ["security"], after: page?.next ?? "" });
   */
  list(options: ListOptions = {}): Promise<Result<MemoryPage>> {
    return this.#server.list(options);
  }

  /**
   * The last memories of a conversation, oldest first: those on the server and this agent's unsynced ones,
   * which are marked `unsynced`.
   *
   * @param options `last`: how many, 50 by default, 1,000 at most.
   * @example
   * const { data: turns } = await agent.memory.thread(conversationId, { last: 20 });
   */
  async thread(
    conversationId: string,
    { last = 50 }: { last?: number } = {},
  ): Promise<Result<Memory[]>> {
    const before = this.#own.waiting();
    const room = this.#own.roomFor(last, 1_000, before);
    const answer = await this.#server.thread(conversationId, { last: room });
    if (answer.error) return answer;
    const pending = this.#own.since(before);
    return ok(this.#own.thread(conversationId, last, answer.data, pending));
  }

  /**
   * Finds memories on the server that resemble the memory with this id, by meaning and by the words of its
   * task and tags. It compares vectors of `model`, by default the project's own embedder.
   *
   * @returns `memory_unknown` if there is no such memory.
   * @example
   * const { data } = await agent.memory.similar(id, { limit: 5 });
   */
  similar(id: string, options: Omit<RecallOptions, "embedding"> = {}): Promise<Result<Recall>> {
    return this.#server.similar(id, options);
  }

  /**
   * Counts the tenant's memories that this agent may see. All of them are read, so this takes longer in a
   * large tenant.
   *
   * @example
   * const { data } = await agent.memory.statistics();
   */
  statistics(): Promise<Result<Statistics>> {
    return this.#server.statistics();
  }

  /**
   * Finds the memories that answer a question best, by words and by meaning: those on the server, and this
   * agent's unsynced ones, which are marked `unsynced`. If the server cannot be reached, the local cache
   * answers: `mode` is then `local`, and `problem` says why.
   *
   * @returns `invalid_request`, `not_authorized`, `scope_missing`.
   * @example
   * const { data } = await agent.recall("where do we rotate keys?", { limit: 3, minReward: 0.8 });
   * for (const hit of data?.results ?? []) console.log(hit.score, hit.agentName, hit.task);
   */
  async recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const began = performance.now();
    const answer = await this.#recallBoth(query, options);
    const found = ({ mode, results }: Recall) => ({ query, mode, found: results.length });
    noteOf(this.#link.note, "recall", answer, found, began);
    const told = () => answer.data?.results;
    this.#link.note("memory", "recall: results", told, { level: "verbose" });
    if (answer.error?.code !== "unavailable") return answer;
    const { data, error } = await this.recallLocal(query, options);
    if (error) return failed(error);
    const problem = [answer.error.message, data.problem].filter(Boolean).join(" ");
    return ok({ ...data, problem });
  }

  /**
   * Recalls only from the local cache: what this agent remembered and pulled. It searches by words, and by
   * meaning with `new Mayfly({ cache: { embedder } })` or with your own vector; otherwise `problem` says so.
   * Scores use the formula of `recall`. The first call loads the search and indexes the cache, which takes
   * about a millisecond for each memory.
   *
   * @returns `invalid_request`.
   * @example
   * const { data } = await agent.memory.recallLocal("where do we rotate keys?", { kinds: ["episode"] });
   */
  async recallLocal(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const wrong = wrongQuery(query, options);
    if (wrong) return failed(wrong);
    const found = await this.#search.recall(query, options, this.#outbox.tenant.clock.now);
    const { model, problem } = found;
    const results = found.results.map((result) => recalledLocally(result, this.#self));
    return ok({ mode: "local", model, problem, results: this.#own.marked(results) });
  }

  /**
   * Packs what is remembered about a task into a prompt within a token budget, best first. No memory is cut
   * unless you set `cut`. The result says what was left out and why.
   *
   * @returns the same errors as `recall`.
   * @example
   * const { data } = await agent.memory.context({ task: "Rotate the signing key", maxTokens: 2_000 });
   * const prompt = `What we know:\n${data?.text}\n\nRotate the signing key.`;
   */
  context(options: ContextOptions): Promise<Result<Context>> {
    return recallContext(options, (query, filters) => this.recall(query, filters));
  }

  /** Groups the memories that this agent may see into topics: see {@link Memories.clusters}. */
  clusters(options: ClusterOptions = {}): Promise<Result<Clusters>> {
    return this.#server.clusters(options);
  }

  /**
   * Shows what worked before for similar tasks: see {@link Memories.recommend}. Includes what this agent has
   * not synced.
   */
  recommend(task: string, options: RecommendOptions = {}): Promise<Result<Recommendations>> {
    return recommend(task, options, (query, filters) => this.recall(query, filters));
  }

  /** @internal See {@link Agent.sync}. */
  sync(options: SyncOptions, mayRead: boolean): Promise<Result<Synced>> {
    const { over } = this.#outbox;
    if (over) return Promise.resolve(failed(over));
    return this.#outbox.inTurn(async () => {
      const began = performance.now();
      const synced = await this.#sync(options.pull ?? mayRead);
      noteOf(this.#link.note, "sync", synced, (data) => data, began);
      return synced;
    });
  }

  async #sync(pull: NonNullable<SyncOptions["pull"]>): Promise<Result<Synced>> {
    const pushed = await this.#outbox.push();
    if (pushed.error) return pushed;
    if (pull === false) return ok({ ...pushed.data, pulled: 0 });
    const pulled = await pullAll({
      link: this.#link,
      tenant: this.#self.tenantId,
      outbox: this.#outbox.tenant,
      cache: this.#cache,
      search: this.#search,
      onPage: pull === true ? undefined : pull,
    });
    return pulled.error ? pulled : ok({ ...pushed.data, ...pulled.data });
  }

  /** What the server recalls, plus what waits to be pushed to it. */
  async #recallBoth(query: string, options: RecallOptions): Promise<Result<Recall>> {
    const before = this.#own.waiting();
    const limit = this.#own.roomFor(options.limit ?? 10, 100, before);
    const wider = before.length > 0 ? { ...options, limit } : options;
    const answer = await this.#server.recall(query, wider);
    if (answer.error) return answer;
    const pending = this.#own.since(before);
    const { now } = this.#outbox.tenant.clock;
    return ok(await this.#own.recall(answer.data, query, options, pending, now));
  }
}
