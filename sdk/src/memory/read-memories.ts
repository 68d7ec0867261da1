import { memoryColumns, memoryRow } from "../contract/memory-rows.ts";
import type { Link } from "../link/link.ts";
/** Reads memories through the Data API, as row-level security shows them to the caller. */

import { list, row, text } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid, wrongPage } from "../contract/invalid.ts";
import { fromDataApi } from "../link/call.ts";
import { arrayOf, listOf } from "../link/filters.ts";
import { observe } from "../link/observe.ts";
import { beforeRow, readPage } from "../link/read-all.ts";
import { recallAnswer } from "./answers.ts";
import { type ListOptions, type Memory, type MemoryPage, memoryFromRow } from "./memory.ts";
import { type Recall, type RecallOptions, recallFromAnswer, toQuery } from "./recall.ts";

/** How many ids one request may have, because the length of a URL is limited. */
const mostIds = 100;

const nameRow = row<{ memory_id: string }>({ memory_id: text });

const alive = (link: Link, tenant: string) =>
  link.client.from("memories").select(memoryColumns).eq("tenant_id", tenant).is("deleted_at", null);

export async function getMemory(
  link: Link,
  tenant: string,
  id: string,
): Promise<Result<Memory | null>> {
  const { data, error } = fromDataApi(await alive(link, tenant).eq("id", id), list(memoryRow));
  if (error) return failed(error);
  const [memory] = data;
  if (memory) return ok(memoryFromRow(memory));
  // The memory may have been put with this id, but stored under another.
  const { data: names, error: unread } = fromDataApi(
    await link.client
      .from("memory_aliases")
      .select("memory_id")
      .eq("tenant_id", tenant)
      .eq("id", id),
    list(nameRow),
  );
  if (unread) return failed(unread);
  const [name] = names;
  return name ? getMemory(link, tenant, name.memory_id) : ok(null);
}

export async function listMemories(
  link: Link,
  tenant: string,
  options: ListOptions,
): Promise<Result<MemoryPage>> {
  const { kinds, tags, agentId, sessionId, conversationId, minReward, minImportance } = options;
  const { ids, key, newestFirst = false, after, limit = 100 } = options;
  const wrong =
    ids && ids.length > mostIds
      ? invalid("ids", `must have at most ${mostIds} ids`)
      : wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  const { data, error } = await readPage(memoryRow, limit, (behind, rows) => {
    let query = alive(link, tenant);
    if (ids) query = query.filter("id", "in", listOf(ids.map(idOf)));
    if (kinds) query = query.filter("kind", "in", listOf(kinds));
    if (tags) query = query.contains("tags", arrayOf(tags));
    if (agentId) query = query.eq("agent_id", agentId);
    if (sessionId) query = query.eq("session_id", sessionId);
    if (conversationId) query = query.eq("conversation_id", conversationId);
    if (key) query = query.eq("key", key);
    if (minReward !== undefined) query = query.gte("reward", minReward);
    if (minImportance !== undefined) query = query.gte("importance", minImportance);
    const from = behind?.id ?? after;
    if (from) query = newestFirst ? query.lt("id", from) : query.gt("id", from);
    return query.order("id", { ascending: !newestFirst }).limit(rows);
  });
  if (error) return failed(error);
  const memories = data.map(memoryFromRow);
  const last = memories.at(-1);
  return ok({ memories, next: last && memories.length === limit ? last.id : null });
}

export async function readThread(
  link: Link,
  tenant: string,
  conversationId: string,
  last: number,
): Promise<Result<Memory[]>> {
  const wrong = wrongPage("last", last);
  if (wrong) return failed(wrong);
  const { data, error } = await readPage(memoryRow, last, (behind, rows) => {
    let query = alive(link, tenant).eq("conversation_id", conversationId);
    if (behind) query = query.or(beforeRow(behind));
    return query
      .order("created_at", { ascending: false })
      .order("id", { ascending: false })
      .limit(rows);
  });
  return error ? failed(error) : ok(data.map(memoryFromRow).reverse());
}

/** Asks the query function, with the filters of every recall. */
export async function queryMemories(
  link: Link,
  asked: { query?: string; similar_to?: string },
  options: RecallOptions,
): Promise<Result<Recall>> {
  const { telemetry, tenantId } = link;
  return observe(
    telemetry,
    () => ({ kind: "recall", tenantId }),
    async (tell) => {
      const body = { ...asked, ...toQuery(options) };
      const answer = await link.fn("query", recallAnswer, body);
      if (answer.error) tell({ error: answer.error });
      return answer.error ? answer : ok(recallFromAnswer(answer.data));
    },
  );
}
