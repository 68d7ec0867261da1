import { list } from "../contract/answer-form.ts";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { fromDataApi, type MayflyClient } from "../link/call.ts";
import { vectorRow } from "../memory/answers.ts";
import type { MemoryCache } from "../memory/cache.ts";
import type { LocalSearch } from "../memory/local-search.ts";
import { type LogPage, memoryFromRow, type SyncAnswer } from "../memory/memory.ts";
import type { HybridClock } from "../outbox/hybrid-clock.ts";
import { pullPage } from "./sync-call.ts";

/** Ids in the address of one request. */
const idsPerRequest = 100;

export interface PullInto {
  client: MayflyClient;
  tenant: string;
  clock: HybridClock;
  cache: MemoryCache;
  search: LocalSearch;
  /** Memories that are to be forgotten and that the server still has. */
  forgotten: () => Set<string>;
  /** Those that only the outbox has. */
  unsynced: () => Set<string>;
  onPage?: ((page: LogPage) => void | Promise<void>) | undefined;
}

/**
 * Pulls everything, or what is new since the cursor of the cache, page by page: no page is held
 * longer than it takes to take it in. The cursor moves when a page is taken in and handled.
 *
 * @returns how many events and memories came.
 */
export async function pullInto(into: PullInto): Promise<Result<{ pulled: number }>> {
  const { client, clock, cache } = into;
  let pulled = 0;
  let expired = false;
  for (;;) {
    const { data, error } = await pullPage(client, clock, { since: cache.cursor });
    if (error?.code === "cursor_expired" && !expired) {
      // The log is gone, or another one: all there is, once more.
      expired = true;
      cache.startOver();
      continue;
    }
    if (error) return failed(error);
    const problem = await takeIn(into, data);
    if (problem) return failed(problem);
    const first = cache.cursor === null;
    cache.cursor = data.cursor;
    if (first) cache.inSnapshot = true;
    pulled += data.events.length + data.memories.length;
    if (data.more) continue;
    if (!cache.inSnapshot) return ok({ pulled });
    // Behind the last page of memories comes the log since the first one.
    cache.endSnapshot(into.unsynced());
  }
}

async function takeIn(into: PullInto, data: SyncAnswer): Promise<MayflyError | null> {
  const { cache, search, onPage } = into;
  for (const { type, subject } of data.events) {
    if (subject && (type === "memory.deleted" || type === "memory.hidden")) cache.remove(subject);
  }
  // What is updated here from now on is later than what it was pulled with.
  for (const { hlc = {} } of data.memories) Object.values(hlc).forEach(into.clock.observe);
  const forgotten = into.forgotten();
  const memories = data.memories.map(memoryFromRow);
  const held = memories.filter(({ id }) => !forgotten.has(id));
  for (const memory of held) cache.put(memory);
  if (search.model) {
    for (let at = 0; at < held.length; at += idsPerRequest) {
      const ids = held.slice(at, at + idsPerRequest).map(({ id }) => id);
      const error = await takeVectors(into, search.model, ids);
      if (error) return error;
    }
  }
  await onPage?.({ events: data.events, memories });
  return null;
}

/** The server's vectors of the embedder's model: what has none is embedded here when it is asked for. */
async function takeVectors(
  { client, tenant, search }: PullInto,
  model: string,
  ids: string[],
): Promise<MayflyError | null> {
  const { data, error } = fromDataApi(
    await client
      .from("memory_vectors")
      .select("memory_id, embedding")
      .eq("tenant_id", tenant)
      .eq("model", model)
      .in("memory_id", ids),
    list(vectorRow),
  );
  if (error) return error;
  for (const { memory_id, embedding } of data) {
    search.addVector(memory_id, model, vectorOf(embedding));
  }
  return null;
}

/** A halfvec as the Data API gives it: `[0.1,…]` as text. */
export const vectorOf = (embedding: unknown): number[] =>
  (typeof embedding === "string" ? JSON.parse(embedding) : embedding) as number[];
