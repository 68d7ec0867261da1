/** Reading memories over the Data API, as row-level security shows them to the caller. */
import { callFunction, fromDataApi, type MayflyClient } from "./call.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";
import {
  type ListOptions,
  type Memory,
  type MemoryPage,
  memoryColumns,
  memoryFromRow,
  type Recall,
  type RecallOptions,
  recallFromAnswer,
} from "./memory.ts";
import { vectorOf } from "./pull.ts";

const alive = (client: MayflyClient, tenant: string) =>
  client.from("memories").select(memoryColumns).eq("tenant_id", tenant).is("deleted_at", null);

export async function getMemory(
  client: MayflyClient,
  tenant: string,
  id: string,
): Promise<Result<Memory | null>> {
  const { data, error } = fromDataApi(await alive(client, tenant).eq("id", id));
  if (error) return failed(error);
  const [row] = data;
  return ok(row ? memoryFromRow(row) : null);
}

export async function listMemories(
  client: MayflyClient,
  tenant: string,
  options: ListOptions,
): Promise<Result<MemoryPage>> {
  const { kinds, tags, agentId, sessionId, conversationId, minReward, minImportance } = options;
  const { after, limit = 100 } = options;
  let query = alive(client, tenant);
  if (kinds) query = query.in("kind", kinds);
  if (tags) query = query.contains("tags", tags);
  if (agentId) query = query.eq("agent_id", agentId);
  if (sessionId) query = query.eq("session_id", sessionId);
  if (conversationId) query = query.eq("conversation_id", conversationId);
  if (minReward !== undefined) query = query.gte("reward", minReward);
  if (minImportance !== undefined) query = query.gte("importance", minImportance);
  if (after) query = query.gt("id", after);
  const { data, error } = fromDataApi(await query.order("id").limit(limit));
  if (error) return failed(error);
  const memories = data.map(memoryFromRow);
  const last = memories.at(-1);
  return ok({ memories, next: last && memories.length === limit ? last.id : null });
}

export async function readThread(
  client: MayflyClient,
  tenant: string,
  conversationId: string,
  last: number,
): Promise<Result<Memory[]>> {
  const { data, error } = fromDataApi(
    await alive(client, tenant)
      .eq("conversation_id", conversationId)
      .order("created_at", { ascending: false })
      .order("id", { ascending: false })
      .limit(last),
  );
  return error ? failed(error) : ok(data.map(memoryFromRow).reverse());
}

/** Asks the query function, with the filters that every recall has. */
export async function queryMemories(
  client: MayflyClient,
  asked: { query?: string; embedding?: number[]; model?: string },
  options: RecallOptions,
): Promise<Result<Recall>> {
  const { kinds, tags, agentId, minReward, since, limit } = options;
  const answer = await callFunction(client, "query", {
    ...asked,
    ...(kinds && { kinds }),
    ...(tags && { tags }),
    ...(agentId && { agent: agentId }),
    ...(minReward !== undefined && { min_reward: minReward }),
    ...(since && { since: since.toISOString() }),
    ...(limit && { limit }),
  });
  return answer.error ? answer : ok(recallFromAnswer(answer.data));
}

/** Recalls by the vector that the server has of a memory. */
export async function similarMemories(
  client: MayflyClient,
  tenant: string,
  id: string,
  options: RecallOptions,
): Promise<Result<Recall>> {
  const { limit = 10 } = options;
  const { data, error } = fromDataApi(
    await client
      .from("memory_vectors")
      .select("model, embedding")
      .eq("tenant_id", tenant)
      .eq("memory_id", id)
      .order("model")
      .limit(1),
  );
  if (error) return failed(error);
  const [vector] = data;
  if (!vector) {
    return failed(
      new MayflyError({
        code: "invalid_request",
        message: `There is no vector of the memory ${id}.`,
        hint: "It is not there, was not synced, or no embedding of it could be made yet.",
        details: { field: "id" },
      }),
    );
  }
  // One more: it is most similar to itself.
  const answer = await queryMemories(
    client,
    { embedding: vectorOf(vector.embedding), model: vector.model },
    { ...options, limit: Math.min(limit + 1, 100) },
  );
  if (answer.error) return answer;
  const results = answer.data.results.filter((found) => found.id !== id).slice(0, limit);
  return ok({ ...answer.data, results });
}
