import {
  type Agent,
  type Mayfly,
  type MemoriesAsData,
  memoriesAsData,
  type NewMemory,
  type RecallOptions,
} from "@mayfly/sdk";

/** An agent, or a `Mayfly`. A `Mayfly` acts for a person or a server. */
export type MemoryOwner = Agent | Mayfly;

/** What is recalled for a model: how many memories, within how many tokens, and which ones. */
export interface RecallBounds extends RecallOptions {
  /** How many memories at most. 8 by default. */
  limit?: number;
  /** The token budget for the text of these memories, at 4 characters a token. 2,000 by default. */
  tokens?: number;
}

/** Longer questions are cut to the longest query that recall accepts. */
const longestQuery = 10_000;

/** @throws the error of the recall. */
export async function recallFor(
  owner: MemoryOwner,
  question: string,
  { tokens = 2_000, limit = 8, ...filters }: RecallBounds,
): Promise<MemoriesAsData> {
  const query = question.slice(0, longestQuery);
  if (query.trim() === "") return { memories: [], text: "" };
  const { data, error } = await owner.memory.recall(query, { ...filters, limit });
  if (error) throw error;
  return memoriesAsData(data.results, tokens);
}

/**
 * Stores a memory. If the owner is an agent, the memory is also pushed at once. If the server does not
 * answer, the memory waits in the agent's outbox, and that is not an error.
 *
 * @throws any other error, for example if the server refuses the memory.
 */
export async function rememberFor(owner: MemoryOwner, memory: NewMemory): Promise<string> {
  const { data, error } = await owner.memory.remember(memory);
  if (error) throw error;
  if ("sync" in owner) {
    const pushed = await owner.outbox.pushNow([data.id]);
    if (pushed.error && pushed.error.code !== "unavailable") throw pushed.error;
  }
  return data.id;
}
