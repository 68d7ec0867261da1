import { randomUUID } from "node:crypto";

/** An operation that puts a memory. */
export const putOf = (memory: Record<string, unknown> = {}, id: string = randomUUID()) => ({
  id,
  type: "memory.put",
  memory: { id: randomUUID(), task: "a task", ...memory },
});

/** An operation that forgets one. */
export const deleteOf = (memory: string) => ({
  id: randomUUID(),
  type: "memory.delete",
  memory: { id: memory },
});

/** An operation that updates one. */
export const updateOf = (
  memory: string,
  set: Record<string, unknown>,
  more: Record<string, unknown> = {},
) => ({ id: randomUUID(), type: "memory.update", memory: { id: memory, set, ...more } });
