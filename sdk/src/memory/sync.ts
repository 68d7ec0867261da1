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

/** How many events a page has. Each may have a memory. */
const pageEvents = 500;
/** How many ids fit into the URL of a request. */
const idsPerRequest = 100;

/** What `agent.sync` did. */
export interface Synced {
  /**
   * Operations that the server acknowledged: those of this agent, and those of agents that have
   * ended.
   */
  pushed: number;
  /** Operations that the server refused for good: see `agent.outbox.refused`. */
  rejected: number;
  /** How many events and memories were pulled. */
  pulled: number;
}

/** How much a `sync` does. */
export interface SyncOptions {
  /**
   * Whether to pull what is new into the local cache. True by default, for an agent with `memory:read`. If
   * you pass a function, it also gets each page. A page is done when the function returns; if it throws, the
   * next sync starts with that page.
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
 * Pulls everything, or what is new since the cursor of the cache, page by page. Each page is released as soon
 * as it is taken in. The cursor moves once a page is taken in and handled.
 *
 * @returns how many events and memories were pulled.
 */
export async function pullAll(into: PullInto): Promise<Result<{ pulled: number }>> {
  const { link, outbox, cache } = into;
  let pulled = 0;
  let expired = false;
  for (;;) {
    const { data, error } = await nextPage(link, outbox, cache);
    if (error?.code === "cursor_expired" && !expired) {
      // The part of the log after the cursor is gone, or this is a different log. So pull everything again.
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
    // Keep memories that only the outbox has.
    cache.endSnapshot(outbox.subjects("memory.put"));
    // After the last page of memories, read the log since the first page. If there was only one page, the
    // sync is complete.
    if (first) return ok({ pulled });
  }
}

/**
 * First reads all existing memories, through the edge function. Then reads the log, with a function
 * of the database.
 */
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
  // Updates that this agent makes from now on get later timestamps than everything that was pulled.
  for (const { hlc = {} } of data.memories) Object.values(hlc).forEach(into.outbox.clock.observe);
  // Leave out memories that are forgotten here, but not on the server yet.
  const forgotten = into.outbox.subjects("memory.delete");
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

/** Pulls the server's vectors of the embedder's model. Memories without one are embedded here when needed. */
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

/** A halfvec as the Data API returns it: `[0.1,…]` as text. */
export const vectorOf = (embedding: unknown): number[] =>
  (typeof embedding === "string" ? JSON.parse(embedding) : embedding) as number[];
