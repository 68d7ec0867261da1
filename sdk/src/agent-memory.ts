import { AgentWrites } from "./agent-writes.ts";
import { failed, ok, type Result } from "./contract/errors.ts";
import { invalid } from "./contract/invalid.ts";
import type { Limit } from "./link/requests.ts";
import { pullInto } from "./log/pull.ts";
import { startWatch, type Watch, type WatchHandler, type WatchOptions } from "./log/watch.ts";
import { type Context, type ContextOptions, packContext } from "./memory/context.ts";
import { recalledLocally } from "./memory/local-search.ts";
import type { LogPage, Memory } from "./memory/memory.ts";
import { queryMemories } from "./memory/reads.ts";
import { type Recall, type RecallOptions, wrongQuery } from "./memory/recall.ts";
import { type Left, pushLast } from "./outbox/last-push.ts";
import { pushOutbox } from "./outbox/push.ts";
import { States } from "./state/states.ts";
import type { StartLogWatch } from "./state/watch.ts";

/** What `agent.sync` did. */
export interface Synced {
  /** Operations that the server has acknowledged: its own, and those of agents that are gone. */
  pushed: number;
  /** Operations that the server refused for good: see `agent.deadLetters`. */
  rejected: number;
  /** Events and memories that were pulled. */
  pulled: number;
}

/** How much a `sync` does. */
export interface SyncOptions {
  /**
   * Whether to pull what is new into the local cache; true by default, for an agent with
   * `memory:read`. A function is also handed each page: what it has returned from does not come
   * again, and a sync whose function throws goes on from that page.
   */
  pull?: boolean | ((page: LogPage) => void | Promise<void>);
}

/** What an agent shares with its tenant, and recalls of it. */
export class AgentMemory extends AgentWrites {
  /** Its own states; `state.of(id)`: those of another agent. */
  readonly state = this.#statesOf(this.id);
  /** The states that the agents of the tenant share. */
  readonly shared = this.#statesOf(null);
  readonly #watches = new Set<Watch>();
  #syncing: Promise<unknown> = Promise.resolve();
  #syncs = 0;
  #left = false;

  /**
   * Pushes the outbox, and pulls what is new since the last time (everything, the first time) into
   * the local cache, page by page. What could not be pushed stays in the outbox. An operation that
   * the server refuses becomes a dead letter, and the others go on.
   *
   * @returns how many operations and events; `unavailable`, `not_authorized`, `scope_missing`,
   * `storage_failed`.
   * @example
   * const { data, error } = await agent.sync();
   * if (!error) console.log(`${data.pushed} pushed, ${data.pulled} pulled`);
   */
  sync(options: SyncOptions = {}): Promise<Result<Synced>> {
    if (this.over) return Promise.resolve(failed(this.over));
    // One at a time: two would pull the same page.
    this.#syncs++;
    const run = this.#syncing
      .then(async () => {
        const began = performance.now();
        const synced = await this.#sync(options);
        this.#note("sync", synced, (data) => data, began);
        return synced;
      })
      .finally(() => {
        this.#syncs--;
      });
    this.#syncing = run.catch(() => {});
    return run;
  }

  /**
   * A memory by its id; null when there is none that this agent may see. It is from the server, with
   * the changes that this agent has not synced: then it is marked `unsynced`.
   *
   * @example
   * const { data: memory } = await agent.get(id);
   */
  override async get(id: string): Promise<Result<Memory | null>> {
    const before = this.ownWrites.waiting();
    const own = this.over ? null : this.ownWrites.memory(id, null, this.ownWrites.since(before));
    // The server is not asked for what only the outbox has.
    if (own) return ok(own);
    const answer = await super.get(id);
    if (answer.error) return answer;
    return ok(this.ownWrites.memory(id, answer.data, this.ownWrites.since(before)));
  }

  /**
   * The last memories of a conversation, the oldest of them first: from the server, with what this
   * agent has not synced, which is marked `unsynced`.
   *
   * @param options `last`: how many, 50 by default, 1,000 at most.
   * @example
   * const { data: turns } = await agent.thread(conversationId, { last: 20 });
   */
  override async thread(
    conversationId: string,
    { last = 50 }: { last?: number } = {},
  ): Promise<Result<Memory[]>> {
    const before = this.ownWrites.waiting();
    const room = this.ownWrites.roomFor(last, 1_000, before);
    const answer = await super.thread(conversationId, { last: room });
    if (answer.error) return answer;
    const pending = this.ownWrites.since(before);
    return ok(this.ownWrites.thread(conversationId, last, answer.data, pending));
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
    const { embedding, model } = options;
    const asked = { query, ...(embedding && { embedding }), ...(model && { model }) };
    const began = performance.now();
    const answer = await this.#recallBoth(query, asked, options);
    const found = ({ mode, results }: Recall) => ({ query, mode, found: results.length });
    this.#note("recall", answer, found, began);
    this.debug.note("memory", "recall: results", () => answer.data?.results, { level: "verbose" });
    if (answer.error?.code !== "unavailable") return answer;
    const { data, error } = await this.recallLocal(query, options);
    if (error) return failed(error);
    const problem = [answer.error.message, data.problem].filter(Boolean).join(" ");
    return ok({ ...data, problem });
  }

  /**
   * Recalls from the local cache alone: what this agent remembered, and what it pulled. By words,
   * and by meaning when `new Mayfly({ cache: { embedder } })` or the caller's own vector makes that
   * possible: else `problem` says so. The score is that of `recall`. The first one indexes the
   * cache, about a millisecond a memory.
   *
   * @returns `invalid_request`.
   * @example
   * const { data } = await agent.recallLocal("where do we rotate keys?", { kinds: ["episode"] });
   */
  async recallLocal(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const wrong = wrongQuery(query, options);
    if (wrong) return failed(wrong);
    const found = await this.search.recall(query, options, this.clock.now);
    const { model, problem } = found;
    const results = found.results.map((result) => recalledLocally(result, this));
    return ok({ mode: "local", model, problem, results: this.ownWrites.marked(results) });
  }

  /**
   * What is remembered about a task, packed for a prompt under a budget of tokens: the best first,
   * none of them cut unless `cut` allows it. It says what it left out and why.
   *
   * @returns what `recall` returns.
   * @example
   * const { data } = await agent.context({ task: "Rotate the signing key", maxTokens: 2_000 });
   * const prompt = `What we know:\n${data?.text}\n\nRotate the signing key.`;
   */
  async context(options: ContextOptions): Promise<Result<Context>> {
    const { task, maxTokens, countTokens: _count, candidates, cut: _cut, ...filters } = options;
    if (!(maxTokens > 0)) return failed(invalid("maxTokens", "must be more than 0"));
    const recalled = await this.recall(task, { ...filters, limit: candidates ?? 30 });
    return recalled.error ? recalled : ok(packContext(recalled.data, options));
  }

  /**
   * Hands over what happens in the tenant, until `stop()` or the end of the agent: each event once,
   * none missed, whatever the connection does. See {@link WatchOptions}.
   *
   * @returns `unavailable`, `not_authorized`, `cursor_invalid`.
   * @example
   * const { data: watch } = await agent.watch({ types: ["memory.*"] }, async ({ events }) => {
   *   for (const { type, subject } of events) console.log(type, subject);
   * });
   * await watch?.stop();
   */
  async watch(options: WatchOptions, handler: WatchHandler): Promise<Result<Watch>> {
    const started = await startWatch(this.client, this.tenantId, options, handler);
    if (started.error) return started;
    const watch = started.data;
    this.#watches.add(watch);
    void watch.ended.then(() => this.#watches.delete(watch));
    return ok(watch);
  }

  protected override async finish(limit: Limit): Promise<Left | null> {
    // First: a pull behind the end would be refused, and its watch end by that.
    await this.#stopWatches();
    const left = this.#left
      ? this.#leftOver()
      : await pushLast(this.client, this.outbox, this.id, limit, (...settled) =>
          this.cache.settle(...settled),
        );
    await super.finish(limit);
    return left;
  }

  /** What has ended does not open its outbox again: it is another's by now. */
  #leftOver(): Left | null {
    const { unsynced } = this;
    return unsynced > 0 ? { unsynced, refused: 0, cause: this.over } : null;
  }

  /** Also leaves to others what is still in the outbox. */
  protected override async leave(): Promise<void> {
    if (!this.#left) this.outbox.leave(this.id);
    this.#left = true;
    await this.#stopWatches();
    await super.leave();
    // Not waited for when a sync runs: it may be its own page handler that closes.
    if (this.#syncs === 0) await this.outbox.close();
    else void this.#syncing.then(() => this.outbox.close());
  }

  /** What the server recalls, and what waits to be pushed to it. */
  async #recallBoth(query: string, asked: { query: string }, options: RecallOptions) {
    const before = this.ownWrites.waiting();
    const limit = this.ownWrites.roomFor(options.limit ?? 10, 100, before);
    const wider = before.length > 0 ? { ...options, limit } : options;
    const answer = await queryMemories(this.client, asked, wider);
    if (answer.error) return answer;
    const pending = this.ownWrites.since(before);
    return ok(await this.ownWrites.recall(answer.data, query, options, pending, this.clock.now));
  }

  /** That it was done is detailed; why it was not, basic. */
  #note<T>(name: string, answer: Result<T>, told: (data: T) => unknown, began: number): void {
    const durationMs = performance.now() - began;
    const { data, error } = answer;
    if (error) {
      const { code, message } = error;
      this.debug.note("error", name, () => ({ code, message }), { durationMs });
    } else this.debug.note("memory", name, () => told(data), { level: "detailed", durationMs });
  }

  #statesOf(owner: string | null): States {
    const startWatch: StartLogWatch = (options, handler) => this.watch(options, handler);
    return new States(this.client, this.tenantId, owner, startWatch, this.debug.note);
  }

  async #stopWatches(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
  }

  async #sync({ pull = this.scopes.includes("memory:read") }: SyncOptions) {
    const pushed = await pushOutbox(this.client, this.outbox, this.id, (...settled) =>
      this.cache.settle(...settled),
    );
    if (pushed.error) return pushed;
    if (pull === false) return ok({ ...pushed.data, pulled: 0 });
    const pulled = await pullInto({
      client: this.client,
      tenant: this.tenantId,
      clock: this.outbox.clock,
      cache: this.cache,
      search: this.search,
      forgotten: () => this.outbox.memories("memory.delete"),
      unsynced: () => this.outbox.memories("memory.put"),
      onPage: pull === true ? undefined : pull,
    });
    return pulled.error ? pulled : ok({ ...pushed.data, ...pulled.data });
  }
}
