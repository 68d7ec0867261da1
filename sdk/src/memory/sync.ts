import { list } from "../contract/answer-form.ts";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import type { SyncAnswer } from "../contract/log.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import { readLog } from "../log/page.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { pullPage } from "../outbox/sync-call.ts";
import { vectorRow } from "./answers.ts";
import type { MemoryCache } from "./cache.ts";
import type { LocalSearch } from "./local-search.ts";
import { type LogPage, memoryFromRow } from "./memory.ts";

type Page = Pick<SyncAnswer, "events" | "memories" | "cursor" | "more">;

/** Events of a page, of which each may have a memory. */
const pageEvents = 500;
/** Ids in the address of one request. */
const idsPerRequest = 100;

/** What `agent.sync` did. */
export interface Synced {
  /** Operations that the server has acknowledged: its own, and those of agents that are gone. */
  pushed: number;
  /** Operations that the server refused for good: see `agent.outbox.refused`. */
  rejected: number;
  /** Events and memories that were pulled. */
  pulled: number;
}

/** How much a `sync` does. */
export interface SyncOptions {
  /**
   * Whether to pull what is new into the local cache; true by default, for an agent with
   * `memory:read`. A function is also handed each page: what it has returned from does not come
   * again, and a sync whose function throws goes on from that page.
   */
  pull?: boolean | ((page: LogPage) => void | Promise<void>);
}

interface PullInto {
  link: Link;
  tenant: string;
  outbox: Outbox;
  cache: MemoryCache;
  search: LocalSearch;
  onPage?: ((page: LogPage) => void | Promise<void>) | undefined;
}

/**
 * Pulls everything, or what is new since the cursor of the cache, page by page: no page is held
 * longer than it takes to take it in. The cursor moves when a page is taken in and handled.
 *
 * @returns how many events and memories came.
 */
export async function pullAll(into: PullInto): Promise<Result<{ pulled: number }>> {
  const { link, outbox, cache } = into;
  let pulled = 0;
  let expired = false;
  for (;;) {
    const { data, error } = await nextPage(link, outbox, cache);
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
    // Those that only the outbox has are kept.
    cache.endSnapshot(outbox.memories("memory.put"));
    // Behind the last page of memories comes the log since the first one: of one page it is later than all of it.
    if (first) return ok({ pulled });
  }
}

/** At first all the memories that there are, by the function; then the log, which Postgres gives alone. */
function nextPage(
  link: Link,
  { clock }: Outbox,
  { cursor, inSnapshot }: MemoryCache,
): Promise<Result<Page>> {
  if (cursor === null || inSnapshot) return pullPage(link, clock, { since: cursor });
  return readLog(link, cursor, { types: null, memories: true, states: false, limit: pageEvents });
}

async function takeIn(into: PullInto, data: Page): Promise<MayflyError | null> {
  const { cache, search, onPage } = into;
  for (const { type, subject } of data.events) {
    if (subject && (type === "memory.deleted" || type === "memory.hidden")) cache.remove(subject);
  }
  // What is updated here from now on is later than what it was pulled with.
  for (const { hlc = {} } of data.memories) Object.values(hlc).forEach(into.outbox.clock.observe);
  // To be forgotten, and still on the server.
  const forgotten = into.outbox.memories("memory.delete");
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
  { link, tenant, search }: PullInto,
  model: string,
  ids: string[],
): Promise<MayflyError | null> {
  const { data, error } = fromDataApi(
    await link.client
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
