import { v7 as uuidv7 } from "uuid";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import { type Operation, operation } from "../contract/schemas.ts";
import type { Link, Self } from "../link/link.ts";
import type { AgentOutbox } from "../outbox/agent-outbox.ts";
import { asUpdate, withFields } from "./apply-changes.ts";
import type { MemoryCache } from "./cache.ts";
import type { LocalSearch } from "./local-search.ts";
import { type MemoryChange, memoryFromBody, type NewMemory, toFields, toMemory } from "./memory.ts";

type Put = Extract<Operation, { type: "memory.put" }>;

/** What an agent learns. It is at once in its cache and in its outbox, before the server sees it. */
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
    queued.data.forEach(({ memory, embedding, model }, at) => {
      const { id, kind, task } = memory;
      this.#show(memory);
      note("memory", "remember", () => ({ id, kind, task }), { level: "detailed" });
      const told = () => ({ ...memories[at], id });
      note("memory", "remember: content", told, { level: "verbose" });
      if (embedding && model) this.#search.addVector(id, model, embedding);
    });
    return ok(queued.data.map(({ memory: { id } }) => ({ id })));
  }

  /** The operation that puts a memory. With a key that is known here, it uses the id of that memory. */
  async #put(memory: NewMemory, before: Put[]): Promise<Result<Put>> {
    const { key, embedding, model } = memory;
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const privateTo = memory.visibility === "agent" ? this.#self.id : null;
    const known =
      key === undefined
        ? undefined
        : (before.find(
            ({ memory: other }) => other.key === key && other.visibility === memory.visibility,
          )?.memory.id ?? this.#cache.withKey(key, privateTo)?.id);
    const id = known ?? idOf(memory.id ?? uuidv7());
    const madeAt = new Date(this.#outbox.tenant.clock.later());
    const body = toMemory(memory, id, this.#self.id, madeAt);
    if (key !== undefined) {
      const stamp = await this.#outbox.stamp();
      if (stamp.error) return stamp;
      body.hlc = stamp.data;
    }
    const vector = embedding && model ? { embedding, model } : {};
    return ok({ id: uuidv7(), type: "memory.put", memory: body, ...vector });
  }

  /** Adds it to the cache at once, or changes the memory with its key. */
  #show(body: Put["memory"]): void {
    const known = body.key === undefined ? undefined : this.#cache.get(body.id);
    const fresh = memoryFromBody(body, this.#self.id);
    const { set } = asUpdate({ id: body.id, type: "memory.put", memory: body }).memory;
    this.#cache.add(known ? withFields(known, set) : fresh);
  }

  async update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    const { set, base, resolve, settles } = change;
    const target = this.#cache.idOf(idOf(id));
    const stamp = await this.#outbox.stamp();
    if (stamp.error) return stamp;
    const memory = {
      id: target,
      set: toFields(set),
      hlc: stamp.data,
      ...(base && { base: toFields(base) }),
      ...(resolve && { resolve }),
      ...(settles && { settles: settles.map(idOf) }),
    };
    const queued = await this.#enqueue([{ id: uuidv7(), type: "memory.update", memory }]);
    if (queued.error) return queued;
    const told = () => ({ id: target, fields: Object.keys(set) });
    this.#link.note("memory", "update", told, { level: "detailed" });
    return ok({ id: target });
  }

  async forget(id: string): Promise<Result<{ id: string }>> {
    const memory = { id: this.#cache.idOf(idOf(id)) };
    const queued = await this.#enqueue([{ id: uuidv7(), type: "memory.delete", memory }]);
    if (queued.error) return queued;
    this.#link.note("memory", "forget", () => memory, { level: "detailed" });
    return ok(memory);
  }

  /**
   * Checks operations, queues them, all or none, and shows their effect. Returns them as they will be sent.
   */
  async #enqueue<Op extends Operation>(operations: Op[]): Promise<Result<Op[]>> {
    const { over } = this.#outbox;
    if (over) return failed(over);
    for (const [at, op] of operations.entries()) {
      const checked = operation.safeParse(op);
      if (checked.success) continue;
      const [issue] = checked.error.issues;
      const path = (issue?.path ?? []).filter((part) => part !== "memory");
      const field = [...(operations.length > 1 ? [at] : []), ...path].join(".");
      return failed(invalid(field, issue?.message ?? "is wrong"));
    }
    // As they are sent, so that later changes of the caller's objects have no effect.
    const sent = JSON.parse(JSON.stringify(operations)) as Op[];
    const added = await this.#outbox.add(sent);
    if (added.error) return added;
    for (const op of sent) this.#cache.expect(op);
    return ok(sent);
  }
}
