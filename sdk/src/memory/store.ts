import { v7 as uuidv7 } from "uuid";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import { pushAnswer } from "../contract/log.ts";
import type { Link } from "../link/link.ts";
import { foreign } from "../link/refusals.ts";
import { type NewMemory, toMemory } from "./memory.ts";

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
  const push = memories.map((memory) => ({
    id: uuidv7(),
    type: "memory.put",
    memory: toMemory(memory, idOf(memory.id ?? uuidv7()), null, null),
    ...(memory.embedding && { embedding: memory.embedding, model: memory.model }),
  }));
  const { data, error } = await link.fn("sync", pushAnswer, { push, limit: 0 });
  if (error) return failed(error);
  const results = new Map(data.results.map((result) => [result.id, result]));
  const stored: Remembered[] = [];
  for (const { id, memory } of push) {
    const result = results.get(id);
    if (!result) return failed(foreign("the function sync"));
    const { status, kept } = result;
    if (status === "duplicate") stored.push({ id: kept ?? memory.id, status });
    else stored.push({ id: kept ?? memory.id, status: kept ? "changed" : "stored" });
  }
  return ok(stored);
}
