import { v7 as uuidv7 } from "uuid";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import { type Operation, operation } from "../contract/schemas.ts";
import type { Link, Self } from "../link/link.ts";
import type { AgentOutbox } from "../outbox/agent-outbox.ts";
import type { MemoryCache } from "./cache.ts";
import type { LocalSearch } from "./local-search.ts";
import { type MemoryChange, memoryFromBody, type NewMemory, toFields, toMemory } from "./memory.ts";

/** What an agent learns: at once in its cache and its outbox, which the server has not seen yet. */
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

  async remember(memory: NewMemory): Promise<Result<{ id: string }>> {
    const { embedding, model } = memory;
    const id = idOf(memory.id ?? uuidv7());
    if (embedding && !model)
      return failed(invalid("model", "must name the model of the embedding"));
    const madeAt = new Date(this.#outbox.tenant.clock.later());
    const body = toMemory(memory, id, this.#self.id, madeAt);
    const queued = await this.#enqueue({
      id: uuidv7(),
      type: "memory.put" as const,
      memory: body,
      ...(embedding && model && { embedding, model }),
    });
    if (queued.error) return queued;
    this.#cache.add(memoryFromBody(queued.data.memory, this.#self.id));
    const { note } = this.#link;
    const told = () => ({ id, kind: body.kind, task: body.task });
    note("memory", "remember", told, { level: "detailed" });
    note("memory", "remember: content", () => ({ id, ...memory }), { level: "verbose" });
    if (embedding && model) this.#search.addVector(id, model, embedding);
    return ok({ id });
  }

  async update(id: string, change: MemoryChange): Promise<Result<{ id: string }>> {
    const { set, base, resolve, settles } = change;
    const target = idOf(id);
    const stamp = await this.#outbox.stamp();
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
    this.#link.note("memory", "update", told, { level: "detailed" });
    return ok({ id: target });
  }

  async forget(id: string): Promise<Result<{ id: string }>> {
    const memory = { id: idOf(id) };
    const queued = await this.#enqueue({ id: uuidv7(), type: "memory.delete", memory });
    if (queued.error) return queued;
    this.#link.note("memory", "forget", () => memory, { level: "detailed" });
    return ok(memory);
  }

  /** Checks an operation, queues it and shows what it does; gives it as it will be sent. */
  async #enqueue<Op extends Operation>(op: Op): Promise<Result<Op>> {
    const { over } = this.#outbox;
    if (over) return failed(over);
    const checked = operation.safeParse(op);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const field = (issue?.path ?? []).filter((part) => part !== "memory").join(".");
      return failed(invalid(field, issue?.message ?? "is wrong"));
    }
    // As it is sent: what the caller does with its objects later changes nothing.
    const sent = JSON.parse(JSON.stringify(op)) as Op;
    const added = await this.#outbox.add(sent);
    if (added.error) return added;
    this.#cache.expect(sent);
    return ok(sent);
  }
}
