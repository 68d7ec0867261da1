import { v7 as uuidv7 } from "uuid";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import type { Operation } from "../contract/operation.ts";
import type { Link } from "../link/link.ts";
import { foreign } from "../link/refusals.ts";
import { pushOperations } from "../outbox/sync-call.ts";
import { type MemoryChange, type NewMemory, type Put, toFields, toMemory } from "./memory.ts";

/** A memory that was stored directly. */
export interface Remembered {
  id: string;
  /**
   * `changed`: the memory with its key was changed. `duplicate`: the tenant already had this content, under
   * this id.
   */
  status: "stored" | "changed" | "duplicate";
}

/** Stores memories on the server, in one round trip. */
export async function storeMemories(
  link: Link,
  memories: NewMemory[],
): Promise<Result<Remembered[]>> {
  const unnamed = memories.findIndex(({ embedding, model }) => embedding && !model);
  if (unnamed >= 0) {
    const field = memories.length > 1 ? `${unnamed}.model` : "model";
    return failed(invalid(field, "must name the model of the embedding"));
  }
  if (memories.length === 0) return ok([]);
  const push = memories.map(
    (memory): Put => ({
      id: uuidv7(),
      type: "memory.put",
      subject: idOf(memory.id ?? uuidv7()),
      body: toMemory(memory, null, null),
    }),
  );
  const { data, error } = await pushOperations(link, push);
  if (error) return failed(error);
  const results = new Map(data.results.map((result) => [result.id, result]));
  const stored: Remembered[] = [];
  for (const { id, subject } of push) {
    const result = results.get(id);
    if (!result) return failed(foreign("the function sync"));
    const { status, kept } = result;
    if (status === "duplicate") stored.push({ id: kept ?? subject, status });
    else stored.push({ id: kept ?? subject, status: kept ? "changed" : "stored" });
  }
  return ok(stored);
}

/** Changes a memory on the server, in one round trip. */
export function changeMemory(
  link: Link,
  id: string,
  { set, base, resolve, settles }: MemoryChange,
): Promise<Result<{ id: string }>> {
  const body = {
    set: toFields(set),
    ...(base && { base: toFields(base) }),
    ...(resolve && { resolve }),
    ...(settles && { settles: settles.map(idOf) }),
  };
  return pushOne(link, { id: uuidv7(), type: "memory.update", subject: idOf(id), body });
}

/** Forgets a memory on the server, in one round trip. */
export function forgetMemory(link: Link, id: string): Promise<Result<{ id: string }>> {
  return pushOne(link, { id: uuidv7(), type: "memory.delete", subject: idOf(id) });
}

async function pushOne(link: Link, operation: Operation): Promise<Result<{ id: string }>> {
  const { subject } = operation;
  const { data, error } = await pushOperations(link, [operation]);
  if (error) return failed(error);
  const result = data.results.find(({ id }) => id === operation.id);
  if (!result) return failed(foreign("the function sync"));
  return result.status === "gone" ? failed(gone(subject)) : ok({ id: subject });
}

const gone = (id: string) =>
  new MayflyError({
    code: "memory_unknown",
    message: `There is no memory ${id}, or the caller may not change it.`,
    hint: "It may have been forgotten, together with its conflicts.",
    details: { field: "memoryId" },
  });
