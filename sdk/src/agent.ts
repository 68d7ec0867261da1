import { v7 as uuidv7 } from "uuid";
import { AgentLife } from "./agent-life.ts";
import { callFunction, fromDataApi } from "./call.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";
import {
  type ListOptions,
  type LogPage,
  type MemoryPage,
  memoryColumns,
  memoryFromRow,
  type NewMemory,
  type Recall,
  type RecallOptions,
  recallFromAnswer,
  type SyncAnswer,
  toMemory,
  toQuery,
} from "./memory.ts";
import { type DeadLetter, Outbox } from "./outbox.ts";
import { type Operation, operation } from "./schemas.ts";
import { requestAgent, requestTeam, type SpawnOptions, type TeamGroup } from "./spawn.ts";

/** What `agent.sync` did. */
export interface Synced {
  /** Operations that the server has acknowledged. */
  pushed: number;
  /** Operations that the server refused for good: see `agent.deadLetters`. */
  rejected: number;
  /** Events and memories that were pulled. */
  pulled: number;
}

/** A connection of one agent, with a token of its own that is renewed while it works. */
export class Agent extends AgentLife {
  readonly #outbox = new Outbox();
  #cursor: string | null = null;
  #syncing: Promise<Result<Synced>> | undefined;

  /**
   * Spawns a child: never more than this agent, and dead when this one is.
   *
   * @example
   * const { data: helper } = await agent.spawn({ type: "reader", scopes: ["memory:read"] });
   */
  async spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    const answer = await requestAgent(this.client, options);
    return answer.error ? answer : ok(new Agent(this.connection, answer.data));
  }

  /** Spawns children, all or none. */
  async spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    const answer = await requestTeam(this.client, groups);
    return answer.error
      ? answer
      : ok(answer.data.map((issued) => new Agent(this.connection, issued)));
  }

  /** What was learned and is not acknowledged yet. */
  get unsynced(): number {
    return this.#outbox.size;
  }
  /** Operations that the server refused, with its reasons. */
  get deadLetters(): readonly DeadLetter[] {
    return this.#outbox.deadLetters;
  }

  /**
   * Remembers something. It goes into the outbox at once and to the server with the next `sync`.
   *
   * @returns its id, or `invalid_request` with the field that is wrong.
   * @example
   * const { data } = await agent.remember({
   *   task: "Rotate the signing key",
   *   output: "Import the new key, wait for the JWKS cache, then rotate.",
   *   reward: 0.9,
   *   tags: ["security"],
   * });
   */
  async remember(memory: NewMemory): Promise<Result<{ id: string }>> {
    const id = memory.id ?? uuidv7();
    return this.#enqueue(
      { id: uuidv7(), type: "memory.put", memory: toMemory(memory, id, this.id) },
      id,
    );
  }

  /** Forgets a memory: its content is erased with the next `sync`. */
  async forget(id: string): Promise<Result<{ id: string }>> {
    return this.#enqueue({ id: uuidv7(), type: "memory.delete", memory: { id } }, id);
  }

  /**
   * Pushes the outbox and, where `pull` is given, pulls what is new since the last time (everything,
   * the first time) and hands it over page by page. What `pull` has returned from is not given again.
   * What could not be pushed stays in the outbox.
   */
  sync(options: { pull?: (page: LogPage) => void | Promise<void> } = {}): Promise<Result<Synced>> {
    // One at a time: two would push the same batch.
    const run = (this.#syncing ?? Promise.resolve()).then(() => this.#sync(options.pull));
    this.#syncing = run;
    return run;
  }

  /**
   * The memories that answer a question best, by words and by meaning.
   *
   * @example
   * const { data } = await agent.recall("where do we rotate keys?", { limit: 3 });
   * for (const hit of data?.results ?? []) console.log(hit.score, hit.agentName, hit.task);
   */
  async recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const answer = await callFunction(this.client, "query", { query, ...toQuery(options) });
    return answer.error ? answer : ok(recallFromAnswer(answer.data));
  }

  /**
   * The memories that are like one of them, by its meaning and the words of its task and tags.
   *
   * @example
   * const { data } = await agent.similarTo(memoryId, { limit: 3 });
   */
  async similarTo(id: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    const body = { similar_to: id, ...toQuery(options) };
    const answer = await callFunction(this.client, "query", body);
    return answer.error ? answer : ok(recallFromAnswer(answer.data));
  }

  /** The memories that this agent may see, by id, a page at a time. */
  async memories(options: ListOptions = {}): Promise<Result<MemoryPage>> {
    const { kinds, tags, after, limit = 100 } = options;
    let query = this.client
      .from("memories")
      .select(memoryColumns)
      .eq("tenant_id", this.tenantId)
      .is("deleted_at", null)
      .order("id")
      .limit(limit);
    if (kinds) query = query.in("kind", kinds);
    if (tags) query = query.contains("tags", tags);
    if (after) query = query.gt("id", after);
    const { data, error } = fromDataApi(await query);
    if (error) return failed(error);
    const memories = data.map(memoryFromRow);
    const last = memories.at(-1);
    return ok({ memories, next: last && memories.length === limit ? last.id : null });
  }

  #enqueue(op: Operation, id: string): Result<{ id: string }> {
    const checked = operation.safeParse(op);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const field = (issue?.path ?? []).filter((part) => part !== "memory").join(".");
      return failed(
        new MayflyError({
          code: "invalid_request",
          message: `${field || "memory"}: ${issue?.message}`,
          hint: "Nothing was remembered.",
          details: { field },
        }),
      );
    }
    this.#outbox.add(op);
    return ok({ id });
  }

  async #sync(pull?: (page: LogPage) => void | Promise<void>): Promise<Result<Synced>> {
    const done: Synced = { pushed: 0, rejected: 0, pulled: 0 };
    for (let batch = this.#outbox.nextBatch(); batch.length > 0; batch = this.#outbox.nextBatch()) {
      const { error } = await callFunction(this.client, "sync", { push: batch, limit: 0 });
      if (!error) {
        this.#outbox.acknowledge(batch);
        done.pushed += batch.length;
        continue;
      }
      const index = (error.details as { index?: number } | null)?.index;
      const culprit = error.code === "invalid_operation" ? batch[index ?? -1] : undefined;
      if (!culprit) return failed(error);
      this.#outbox.bury(culprit, error);
      done.rejected++;
    }
    for (let more = pull !== undefined; more; ) {
      const { data, error } = await callFunction<SyncAnswer>(this.client, "sync", {
        since: this.#cursor,
      });
      if (error) return failed(error);
      await pull?.({ events: data.events, memories: data.memories.map(memoryFromRow) });
      this.#cursor = data.cursor;
      done.pulled += data.events.length + data.memories.length;
      // A first sync turns from memories to the log behind the last page of memories.
      more = data.more;
    }
    return ok(done);
  }
}
