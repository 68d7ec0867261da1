import { v7 as uuidv7 } from "uuid";
import type { AgentConnection } from "./agent-life.ts";
import { AgentReads } from "./agent-reads.ts";
import type { Issued } from "./agents/session.ts";
import { failed, ok, type Result } from "./contract/errors.ts";
import { idOf } from "./contract/ids.ts";
import { invalid } from "./contract/invalid.ts";
import { type Operation, operation } from "./contract/schemas.ts";
import { MemoryCache } from "./memory/cache.ts";
import { LocalSearch } from "./memory/local-search.ts";
import {
  type MemoryChange,
  memoryFromBody,
  type NewMemory,
  toFields,
  toMemory,
} from "./memory/memory.ts";
import { Unsynced } from "./memory/unsynced.ts";
import type { DeadLetter, Outbox } from "./outbox/outbox.ts";
import { asStorageError } from "./outbox/push.ts";

/** What an agent learns: at once in its cache and its outbox, which the server has not seen yet. */
export class AgentWrites extends AgentReads {
  protected readonly outbox: Outbox;
  protected readonly cache: MemoryCache;
  protected readonly search: LocalSearch;
  /** What it reads of its own before the server has acknowledged it. */
  protected readonly ownWrites: Unsynced;

  constructor(connection: AgentConnection, issued: Issued) {
    super(connection, issued);
    this.outbox = connection.outboxes.of(this.tenantId);
    this.outbox.join(this.id);
    this.cache = new MemoryCache(connection.cache);
    this.search = new LocalSearch(this.cache, connection.cache.embedder);
    this.ownWrites = new Unsynced(this.outbox, this, this.cache, connection.cache.embedder);
  }

  /** What this agent learned and is not acknowledged yet. */
  get unsynced(): number {
    return this.outbox.waiting(this.id);
  }

  /**
   * Operations that the server refused, with its reasons: of the tenant, as far as this outbox has
   * seen them since it was opened by a `remember` or a `sync`.
   */
  get deadLetters(): readonly DeadLetter[] {
    return this.outbox.deadLetters;
  }

  /** Memories that are held here, for `recallLocal`. */
  get cached(): number {
    return this.cache.size;
  }

  /**
   * Remembers something. It is in the local cache and the outbox at once, there as safe as the
   * storage of `new Mayfly({ storage })` is, and on the server with the next `sync`. This agent's own
   * `recall`, `context`, `get` and `thread` find it before.
   *
   * @returns its id; `invalid_request` with the field that is wrong; `storage_failed`; `agent_not_alive`
   * after the agent's end.
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
    const id = idOf(memory.id ?? uuidv7());
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const body = toMemory(memory, id, this.id, new Date(this.clock.later()));
    const op = {
      id: uuidv7(),
      type: "memory.put" as const,
      memory: body,
      ...(embedding && model && { embedding, model }),
    };
    const queued = await this.#enqueue(op);
    if (queued.error) return queued;
    this.cache.add(memoryFromBody(queued.data.memory, this.id));
    const told = () => ({ id, kind: body.kind, task: body.task });
    this.debug.note("memory", "remember", told, { level: "detailed" });
    this.debug.note("memory", "remember: content", () => ({ id, ...memory }), { level: "verbose" });
    if (embedding && model) this.search.addVector(id, model, embedding);
    return ok({ id });
  }

  /**
   * Changes fields of a memory: in the local cache at once, and on the server with the next `sync`,
   * where it is settled field by field with what others have changed: by `latest_wins` the change that
   * was made last counts, not the one that was pushed last. One that is gone by then stays so.
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
    const target = idOf(id);
    const stamp = await this.#stamp();
    if (stamp.error) return stamp;
    const queued = await this.#enqueue({
      id: uuidv7(),
      type: "memory.update",
      memory: {
        id: target,
        set: toFields(set),
        hlc: stamp.data,
        ...(base && { base: toFields(base) }),
        ...(resolve && { resolve }),
        ...(settles && { settles: settles.map(idOf) }),
      },
    });
    if (queued.error) return queued;
    const told = () => ({ id: target, fields: Object.keys(set) });
    this.debug.note("memory", "update", told, { level: "detailed" });
    return ok({ id: target });
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
    const memory = { id: idOf(id) };
    const queued = await this.#enqueue({ id: uuidv7(), type: "memory.delete", memory });
    if (queued.error) return queued;
    this.debug.note("memory", "forget", () => memory, { level: "detailed" });
    return ok(memory);
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
    if (this.over) return failed(this.over);
    return this.outbox
      .retry(ids?.map(idOf))
      .then(ok, (error: unknown) => failed(asStorageError(error)));
  }

  /**
   * Lets go of dead letters for good: those with these ids of operations, or all.
   *
   * @returns how many; `storage_failed`.
   * @example
   * await agent.discardDeadLetters(agent.deadLetters.map(({ operation }) => operation.id));
   */
  async discardDeadLetters(ids?: string[]): Promise<Result<number>> {
    if (this.over) return failed(this.over);
    return this.outbox
      .discard(ids?.map(idOf))
      .then(ok, (error: unknown) => failed(asStorageError(error)));
  }

  /** For a change that is made now, later than all that the outbox has. */
  async #stamp(): Promise<Result<string>> {
    if (this.over) return failed(this.over);
    try {
      await this.outbox.open();
      return ok(this.outbox.clock.next(this.id));
    } catch (error) {
      return failed(asStorageError(error));
    }
  }

  /** Checks an operation, queues it and shows what it does; gives it as it will be sent. */
  async #enqueue<Op extends Operation>(op: Op): Promise<Result<Op>> {
    if (this.over) return failed(this.over);
    const checked = operation.safeParse(op);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const field = (issue?.path ?? []).filter((part) => part !== "memory").join(".");
      return failed(invalid(field, issue?.message ?? "is wrong"));
    }
    try {
      // As it is sent: what the caller does with its objects later changes nothing.
      const sent = JSON.parse(JSON.stringify(op)) as Op;
      await this.outbox.add(sent, this.id);
      this.cache.expect(sent);
      return ok(sent);
    } catch (error) {
      return failed(asStorageError(error));
    }
  }
}
