import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Link, Self } from "../link/link.ts";
import type { AgentOutbox } from "../outbox/agent-outbox.ts";
import { type CacheOptions, MemoryCache } from "./cache.ts";
import type { ClusterOptions, Clusters } from "./clusters.ts";
import type { Conflicts } from "./conflicts.ts";
import { type Context, type ContextOptions, recallContext } from "./context.ts";
import { LocalSearch, recalledLocally } from "./local-search.ts";
import { Memories } from "./memories.ts";
import type { ListOptions, Memory, MemoryChange, MemoryPage, NewMemory } from "./memory.ts";
import { noteOf } from "./note-of.ts";
import { type Recall, type RecallOptions, wrongQuery } from "./recall.ts";
import { type Recommendations, type RecommendOptions, recommend } from "./recommend.ts";
import type { Statistics } from "./statistics.ts";
import { pullAll, type Synced, type SyncOptions } from "./sync.ts";
import { Unsynced } from "./unsynced.ts";
import { MemoryWrites } from "./writes.ts";

/** What an agent remembers and recalls: of the server, with what it has not synced laid over it. */
export class AgentMemory {
  readonly #link: Link;
  readonly #self: Self;
  readonly #outbox: AgentOutbox;
  readonly #server: Memories;
  readonly #cache: MemoryCache;
  readonly #search: LocalSearch;
  /** What it reads of its own before the server has acknowledged it. */
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

  /** Memories that are held here, for `recallLocal`. */
  get cached(): number {
    return this.#cache.size;
  }

  /** What updates with `resolve: "manual"` left to be settled by hand. */
  get conflicts(): Conflicts {
    return this.#server.conflicts;
  }

  /**
   * Remembers something. It is in the local cache and the outbox at once, there as safe as the
   * storage of `new Mayfly({ storage })` is, and on the server with the next `sync`. This agent's own
   * `recall`, `context`, `get` and `thread` find it before.
   *
   * Several are remembered at once, all or none. With a `key`, it changes the memory with that key where
   * there is one. What has identical content is stored once a tenant, unless `allowDuplicate` says
   * otherwise: the id is another name of the memory then.
   *
   * @returns its id, of several theirs in their order; `invalid_request` with the field that is wrong;
   * `storage_failed`; `agent_not_alive` after the agent's end.
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
   * Changes fields of a memory: in the local cache at once, and on the server with the next `sync`,
   * where it is settled field by field with what others have changed: by `latest_wins` the change that
   * was made last counts, not the one that was pushed last. One that is gone by then stays so.
   *
   * @returns `invalid_request` with the field that is wrong; `storage_failed`.
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
   * Forgets a memory: it leaves the local cache at once, and its content is erased with the next
   * `sync`.
   *
   * @returns `invalid_request`; `storage_failed`.
   * @example
   * await agent.memory.forget(id);
   */
  forget(id: string): Promise<Result<{ id: string }>> {
    return this.#writes.forget(id);
  }

  /**
   * A memory by its id; null when there is none that this agent may see. It is from the server, with
   * the changes that this agent has not synced: then it is marked `unsynced`.
   *
   * @example
   * const { data: memory } = await agent.memory.get(id);
   */
  async get(name: string): Promise<Result<Memory | null>> {
    const id = this.#cache.idOf(idOf(name));
    const before = this.#own.waiting();
    const own = this.#outbox.over ? null : this.#own.memory(id, null, this.#own.since(before));
    // The server is not asked for what only the outbox has.
    if (own) return ok(own);
    const answer = await this.#server.get(id);
    if (answer.error) return answer;
    return ok(this.#own.memory(id, answer.data, this.#own.since(before)));
  }

  /**
   * The memories that this agent may see, by id (those that were made first come first), a page at a
   * time, from the server.
   *
   * @example
   * const { data: page } = await agent.memory.list({ tags: ["security"], minReward: 0.8 });
   * const { data: next } = await agent.memory.list({ tags: ["security"], after: page?.next ?? "" });
   */
  list(options: ListOptions = {}): Promise<Result<MemoryPage>> {
    return this.#server.list(options);
  }

  /**
   * The last memories of a conversation, the oldest of them first: from the server, with what this
   * agent has not synced, which is marked `unsynced`.
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
   * The memories of the server that are like another of them, by its meaning and the words of its task
   * and tags. Vectors of `model` are compared: those of the project's own embedder unless it is named.
   *
   * @returns `memory_unknown` when there is no such memory.
   * @example
   * const { data } = await agent.memory.similar(id, { limit: 5 });
   */
  similar(id: string, options: Omit<RecallOptions, "embedding"> = {}): Promise<Result<Recall>> {
    return this.#server.similar(id, options);
  }

  /**
   * What the tenant remembers, in numbers, of the memories that this agent sees. Reads them all.
   *
   * @example
   * const { data } = await agent.memory.statistics();
   */
  statistics(): Promise<Result<Statistics>> {
    return this.#server.statistics();
  }

  /**
   * The memories that answer a question best, by words and by meaning: those of the server, and those
   * that this agent has not synced, which are marked `unsynced`. When the server cannot be reached,
   * from the local cache: then `mode` is `local`, and `problem` says why.
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
   * Recalls from the local cache alone: what this agent remembered, and what it pulled. By words,
   * and by meaning when `new Mayfly({ cache: { embedder } })` or the caller's own vector makes that
   * possible: else `problem` says so. The score is that of `recall`. The first one loads the search and
   * indexes the cache, about a millisecond a memory.
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
   * What is remembered about a task, packed for a prompt under a budget of tokens: the best first,
   * none of them cut unless `cut` allows it. It says what it left out and why.
   *
   * @returns what `recall` returns.
   * @example
   * const { data } = await agent.memory.context({ task: "Rotate the signing key", maxTokens: 2_000 });
   * const prompt = `What we know:\n${data?.text}\n\nRotate the signing key.`;
   */
  context(options: ContextOptions): Promise<Result<Context>> {
    return recallContext(options, (query, filters) => this.recall(query, filters));
  }

  /** What the memories that this agent sees are about: see {@link Memories.clusters}. */
  clusters(options: ClusterOptions = {}): Promise<Result<Clusters>> {
    return this.#server.clusters(options);
  }

  /** What worked before for tasks like this one: see {@link Memories.recommend}, with what this agent has not synced. */
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

  /** What the server recalls, and what waits to be pushed to it. */
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
