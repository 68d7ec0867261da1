import { v7 as uuidv7 } from "uuid";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import { type Operation, operation } from "../contract/operation.ts";
import type { Link, Self } from "../link/link.ts";
import type { AgentOutbox } from "../outbox/agent-outbox.ts";
import { asUpdate, withFields } from "./apply-changes.ts";
import type { MemoryCache } from "./cache.ts";
import type { LocalSearch } from "./local-search.ts";
import {
  type MemoryChange,
  memoryFromBody,
  type NewMemory,
  type Put,
  toFields,
  toMemory,
} from "./memory.ts";

/** Writes of an agent. They go to the agent's cache and outbox at once, before the server sees them. */
export class MemoryWrites {
  readonly #link: Link;
  readonly #self: Self;
  readonly #outbox: AgentOutbox;
  readonly #cache: MemoryCache;
  readonly #search: LocalSearch;

  constructor(
    link: Link,
    self: Self,
    outbox: AgentOutbox,
    cache: MemoryCache,
    search: LocalSearch,
  ) {
    this.#link = link;
    this.#self = self;
    this.#outbox = outbox;
    this.#cache = cache;
    this.#search = search;
  }

  async remember(memories: NewMemory[]): Promise<Result<{ id: string }[]>> {
    const operations: Put[] = [];
    for (const memory of memories) {
      const made = await this.#put(memory, operations);
      if (made.error) return made;
      operations.push(made.data);
    }
    const queued = await this.#enqueue(operations);
    if (queued.error) return queued;
    const { note } = this.#link;
    queued.data.forEach((put, at) => {
      const { subject: id, body } = put;
      const { kind, task, embedding, model } = body;
      this.#show(put);
      note("memory", "remember", () => ({ id, kind, task }), { level: "detailed" });
      const told = () => ({ ...memories[at], id });
      note("memory", "remember: content", told, { level: "verbose" });
      if (embedding && model) this.#search.addVector(id, model, embedding);
    });
    return ok(queued.data.map(({ subject: id }) => ({ id })));
  }

  /**
   * Makes the operation that puts a memory. If a memory with the same key is known here, the operation uses
   * its id.
   */
  async #put(memory: NewMemory, before: Put[]): Promise<Result<Put>> {
    const { key, embedding, model } = memory;
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const privateTo = memory.visibility === "agent" ? this.#self.id : null;
    const known =
      key === undefined
        ? undefined
        : (before.find(
            ({ body: other }) => other.key === key && other.visibility === memory.visibility,
          )?.subject ?? this.#cache.withKey(key, privateTo)?.id);
    const subject = known ?? idOf(memory.id ?? uuidv7());
    const madeAt = new Date(this.#outbox.tenant.clock.later());
    const body = toMemory(memory, this.#self.id, madeAt);
    if (key !== undefined) {
      const stamp = await this.#outbox.stamp();
      if (stamp.error) return stamp;
      body.hlc = stamp.data;
    }
    return ok({ id: uuidv7(), type: "memory.put", subject, body });
  }

  /** Adds the put memory to the cache at once, or changes the cached memory with the same key. */
  #show(put: Put): void {
    const { subject, body } = put;
    const known = body.key === undefined ? undefined : this.#cache.get(subject);
    const fresh = memoryFromBody(subject, body, this.#self.id);
    const { set } = asUpdate(put).body;
    this.#cache.add(known ? withFields(known, set) : fresh);
  }

  async update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    const { set, base, resolve, settles } = change;
    const subject = this.#cache.idOf(idOf(id));
    const stamp = await this.#outbox.stamp();
    if (stamp.error) return stamp;
    const body = {
      set: toFields(set),
      hlc: stamp.data,
      ...(base && { base: toFields(base) }),
      ...(resolve && { resolve }),
      ...(settles && { settles: settles.map(idOf) }),
    };
    const queued = await this.#enqueue([{ id: uuidv7(), type: "memory.update", subject, body }]);
    if (queued.error) return queued;
    const told = () => ({ id: subject, fields: Object.keys(set) });
    this.#link.note("memory", "update", told, { level: "detailed" });
    return ok({ id: subject });
  }

  async forget(id: string): Promise<Result<{ id: string }>> {
    const subject = this.#cache.idOf(idOf(id));
    const queued = await this.#enqueue([{ id: uuidv7(), type: "memory.delete", subject }]);
    if (queued.error) return queued;
    this.#link.note("memory", "forget", () => ({ id: subject }), { level: "detailed" });
    return ok({ id: subject });
  }

  /**
   * Checks operations, queues all or none of them, and shows their effect. Returns them as they will be
   * sent.
   */
  async #enqueue<Op extends Operation>(operations: Op[]): Promise<Result<Op[]>> {
    const { over } = this.#outbox;
    if (over) return failed(over);
    for (const [at, op] of operations.entries()) {
      const checked = operation.safeParse(op);
      if (checked.success) continue;
      const [issue] = checked.error.issues;
      const path = (issue?.path ?? []).filter((part) => part !== "body" && part !== "subject");
      const field = [...(operations.length > 1 ? [at] : []), ...path].join(".");
      return failed(invalid(field, issue?.message ?? "is wrong"));
    }
    // Copies them, so that later changes of the caller's objects have no effect.
    const sent = JSON.parse(JSON.stringify(operations)) as Op[];
    const added = await this.#outbox.add(sent);
    if (added.error) return added;
    for (const op of sent) this.#cache.expect(op);
    return ok(sent);
  }
}
