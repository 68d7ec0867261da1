import { v7 as uuidv7 } from "uuid";
import type { AgentConnection } from "./agent-life.ts";
import { AgentReads } from "./agent-reads.ts";
import { MemoryCache } from "./cache.ts";
import { type Context, type ContextOptions, packContext } from "./context.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";
import { LocalSearch, recalledLocally } from "./local-search.ts";
import {
  type LogPage,
  type MemoryChange,
  memoryFromBody,
  type NewMemory,
  type Recall,
  type RecallOptions,
  toFields,
  toMemory,
} from "./memory.ts";
import type { DeadLetter, Outbox } from "./outbox.ts";
import { pullInto } from "./pull.ts";
import { asStorageError, pushOutbox } from "./push.ts";
import { queryMemories } from "./reads.ts";
import { type Operation, operation } from "./schemas.ts";
import type { Issued } from "./session.ts";
import { States } from "./state.ts";
import type { StartLogWatch } from "./state-watch.ts";
import { startWatch, type Watch, type WatchHandler, type WatchOptions } from "./watch.ts";

/** What `agent.sync` did. */
export interface Synced {
  /** Operations that the server has acknowledged: its own, and those of agents that are gone. */
  pushed: number;
  /** Operations that the server refused for good: see `agent.deadLetters`. */
  rejected: number;
  /** Events and memories that were pulled. */
  pulled: number;
}

export interface SyncOptions {
  /**
   * Whether to pull what is new into the local cache; true by default, for an agent with
   * `memory:read`. A function is also handed each page: what it has returned from does not come
   * again, and a sync whose function throws goes on from that page.
   */
  pull?: boolean | ((page: LogPage) => void | Promise<void>);
}

/** What an agent learns and knows: its outbox and its cache, and what of the tenant it recalls. */
export class AgentMemory extends AgentReads {
  /** Its own states: `state.of(id)` those of another agent. */
  readonly state: States;
  /** The states that the agents of the tenant share. */
  readonly shared: States;
  readonly #outbox: Outbox;
  readonly #cache: MemoryCache;
  readonly #search: LocalSearch;
  readonly #watches = new Set<Watch>();
  #syncing: Promise<unknown> = Promise.resolve();
  #syncs = 0;
  #left = false;

  constructor(connection: AgentConnection, issued: Issued) {
    super(connection, issued);
    const startLog: StartLogWatch = (options, handler) => this.watch(options, handler);
    this.state = new States(this.client, this.tenantId, this.id, startLog);
    this.shared = new States(this.client, this.tenantId, null, startLog);
    this.#outbox = connection.outboxes.of(this.tenantId);
    this.#outbox.join(this.id);
    this.#cache = new MemoryCache(connection.cache);
    this.#search = new LocalSearch(this.#cache, connection.cache.embedder);
  }

  /** What this agent learned and is not acknowledged yet. */
  get unsynced(): number {
    return this.#outbox.waiting(this.id);
  }

  /**
   * Operations that the server refused, with its reasons: of the tenant, as far as this outbox has
   * seen them since it was opened by a `remember` or a `sync`.
   */
  get deadLetters(): readonly DeadLetter[] {
    return this.#outbox.deadLetters;
  }

  /** Memories that are held here, for `recallLocal`. */
  get cached(): number {
    return this.#cache.size;
  }

  /**
   * Remembers something. It is in the local cache and the outbox at once, there as safe as the
   * storage of `new Mayfly({ storage })` is, and on the server with the next `sync`.
   *
   * @returns its id; `invalid_request` with the field that is wrong; `storage_failed`.
   * @example
   * const { data } = await agent.remember({
   *   task: "Rotate the signing key",
   *   output: "Import the new key, wait for the JWKS cache, then rotate.",
   *   reward: 0.9,
   *   tags: ["security"],
   * });
   */
  async remember(memory: NewMemory): Promise<Result<{ id: string }>> {
    const { embedding, model } = memory;
    const id = memory.id ?? uuidv7();
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const body = toMemory(memory, id, this.id);
    const op = {
      id: uuidv7(),
      type: "memory.put" as const,
      memory: body,
      ...(embedding && model && { embedding, model }),
    };
    const queued = await this.#enqueue(op);
    if (queued.error) return queued;
    this.#cache.put(memoryFromBody(queued.data, this.id));
    this.debug.note("memory", "remember", () => ({ id, kind: body.kind, task: body.task }));
    if (embedding && model) this.#search.addVector(id, model, embedding);
    return ok({ id });
  }

  /**
   * Changes fields of a memory, with the next `sync`: settled field by field with what others have
   * changed meanwhile. One that is gone by then stays so. The local cache follows with the next pull.
   *
   * @returns `invalid_request` with the field that is wrong; `storage_failed`.
   * @example
   * await agent.update(id, {
   *   set: { tags: ["keys", "tried"], reward: 0.9 },
   *   base: { tags: ["keys"] },
   *   resolve: "merge",
   * });
   */
  async update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    const { set, base, resolve, settles } = change;
    const queued = await this.#enqueue({
      id: uuidv7(),
      type: "memory.update",
      memory: {
        id,
        set: toFields(set),
        ...(base && { base: toFields(base) }),
        ...(resolve && { resolve }),
        ...(settles && { settles }),
      },
    });
    return queued.error ? queued : ok({ id });
  }

  /**
   * Forgets a memory: it leaves the local cache at once, and its content is erased with the next
   * `sync`.
   *
   * @returns `invalid_request`; `storage_failed`.
   * @example
   * await agent.forget(id);
   */
  async forget(id: string): Promise<Result<{ id: string }>> {
    const queued = await this.#enqueue({ id: uuidv7(), type: "memory.delete", memory: { id } });
    if (queued.error) return queued;
    this.#cache.remove(id);
    return ok({ id });
  }

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
    // One at a time: two would pull the same page.
    this.#syncs++;
    const run = this.#syncing
      .then(() => this.#sync(options))
      .then((synced) => {
        this.debug.note("memory", "sync", () => synced.data ?? { error: synced.error?.code });
        return synced;
      })
      .finally(() => {
        this.#syncs--;
      });
    this.#syncing = run.catch(() => {});
    return run;
  }

  /**
   * The memories that answer a question best, by words and by meaning. When the server cannot be
   * reached, from the local cache: then `mode` is `local`, and `problem` says why.
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
    const answer = await queryMemories(this.client, asked, options);
    this.debug.note(
      "memory",
      "recall",
      () => ({ query, found: answer.data?.results.length, error: answer.error?.code }),
      { durationMs: performance.now() - began },
    );
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
   * @example
   * const { data } = await agent.recallLocal("where do we rotate keys?", { kinds: ["episode"] });
   */
  async recallLocal(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const { limit = 10, embedding, model } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
      return failed(invalid("limit", "must be 1 to 100"));
    }
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const found = await this.#search.recall(query, options);
    const results = found.results.map((result) => recalledLocally(result, this));
    return ok({ mode: "local", model: found.model, problem: found.problem, results });
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
   * Gives dead letters another chance with the next `sync`: those with these ids of operations, or
   * all.
   *
   * @returns how many; `storage_failed`.
   * @example
   * await agent.retryDeadLetters();
   * await agent.sync();
   */
  async retryDeadLetters(ids?: string[]): Promise<Result<number>> {
    return this.#outbox.retry(ids).then(ok, (error: unknown) => failed(asStorageError(error)));
  }

  /**
   * Lets go of dead letters for good: those with these ids of operations, or all.
   *
   * @returns how many; `storage_failed`.
   * @example
   * await agent.discardDeadLetters(agent.deadLetters.map(({ operation }) => operation.id));
   */
  async discardDeadLetters(ids?: string[]): Promise<Result<number>> {
    return this.#outbox.discard(ids).then(ok, (error: unknown) => failed(asStorageError(error)));
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

  /** Also leaves to others what is still in the outbox. */
  override async close(): Promise<void> {
    if (!this.#left) this.#outbox.leave(this.id);
    this.#left = true;
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
    await super.close();
    // Not waited for when a sync runs: it may be its own page handler that closes.
    if (this.#syncs === 0) await this.#outbox.close();
    else void this.#syncing.then(() => this.#outbox.close());
  }

  async #sync({ pull = this.scopes.includes("memory:read") }: SyncOptions) {
    const pushed = await pushOutbox(this.client, this.#outbox, this.id);
    if (pushed.error) return pushed;
    if (pull === false) return ok({ ...pushed.data, pulled: 0 });
    const pulled = await pullInto({
      client: this.client,
      tenant: this.tenantId,
      cache: this.#cache,
      search: this.#search,
      forgotten: () => this.#outbox.memories("memory.delete"),
      unsynced: () => this.#outbox.memories("memory.put"),
      onPage: pull === true ? undefined : pull,
    });
    return pulled.error ? pulled : ok({ ...pushed.data, ...pulled.data });
  }

  /** Checks an operation and queues it; gives its memory as it will be sent. */
  async #enqueue<Op extends Operation>(op: Op): Promise<Result<Op["memory"]>> {
    const checked = operation.safeParse(op);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const field = (issue?.path ?? []).filter((part) => part !== "memory").join(".");
      return failed(invalid(field, issue?.message ?? "is wrong"));
    }
    try {
      // As it is sent: what the caller does with its objects later changes nothing.
      const sent = JSON.parse(JSON.stringify(op)) as Op;
      await this.#outbox.add(sent, this.id);
      return ok(sent.memory);
    } catch (error) {
      return failed(asStorageError(error));
    }
  }
}

const invalid = (field: string, rule: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `${field || "memory"}: ${rule}`,
    hint: "Nothing was done.",
    details: { field },
  });
