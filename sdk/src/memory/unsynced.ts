/** An agent's own changes that the server has not acknowledged yet. */

import { idOf } from "../contract/ids.ts";
import type { Operation } from "../contract/operation.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { asUpdate, withFields } from "./apply-changes.ts";
import { MemoryCache } from "./cache.ts";
import type { Embedder } from "./embedder.ts";
import { LocalSearch, matches, recalledLocally } from "./local-search.ts";
import { contentOf, type Memory, memoryFromBody, type Put, type Update } from "./memory.ts";
import type { Recall, RecalledMemory, RecallOptions } from "./recall.ts";

/** The operations on one memory that are in the outbox. */
interface Pending {
  put?: Put;
  updates: Update[];
  isForgotten: boolean;
  /** Whether any of these operations is still waiting. */
  waits: boolean;
}

/** What is pending for each memory, by its id. */
export type Unacknowledged = ReadonlyMap<string, Pending>;

interface Index {
  cache: MemoryCache;
  search: LocalSearch;
  /**
   * For each memory, a text that names the operations it was made from. If this text changes, the memory is
   * indexed again.
   */
  keys: Map<string, string>;
}

const mark = <T extends object>(memory: T, { waits }: Pending): T & { unsynced?: true } =>
  waits ? { ...memory, unsynced: true } : memory;

const updated = (memory: Memory, { updates }: Pending): Memory =>
  updates.reduce((shown, update) => withFields(shown, update.body.set), memory);

/**
 * Adds an agent's waiting changes to the server's answers. It indexes only the waiting changes,
 * because indexing the whole cache would take a second for a thousand memories.
 */
export class Unsynced {
  readonly #outbox: Outbox;
  readonly #own: { id: string; name: string };
  readonly #held: MemoryCache;
  readonly #embedder: Embedder | undefined;
  #index: Index | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    outbox: Outbox,
    own: { id: string; name: string },
    held: MemoryCache,
    embedder?: Embedder,
  ) {
    this.#outbox = outbox;
    this.#own = own;
    this.#held = held;
    this.#embedder = embedder;
  }

  /**
   * The current changes. Call this before you ask the server, so that you do not miss changes that it
   * acknowledges meanwhile.
   */
  waiting(): Operation[] {
    return this.#outbox.operations(this.#own.id);
  }

  /**
   * Everything that was waiting at the time of `before` or is waiting now, except operations that
   * were refused meanwhile.
   */
  since(before: Operation[]): Unacknowledged {
    const now = this.waiting();
    const waits = new Set(now.map(({ id }) => id));
    const known = new Set(before.map(({ id }) => id));
    const kept = before.filter(({ id }) => waits.has(id) || !this.#outbox.refused(id));
    const pending = new Map<string, Pending>();
    for (const operation of [...kept, ...now.filter(({ id }) => !known.has(id))]) {
      const { subject: id } = operation;
      const one = pending.get(id) ?? { updates: [], isForgotten: false, waits: false };
      pending.set(id, one);
      one.waits ||= waits.has(operation.id);
      if (operation.type === "memory.put") {
        one.put ??= operation;
        if (operation.body.key) one.updates.push(asUpdate(operation));
      } else if (operation.type === "memory.update") one.updates.push(operation);
      else one.isForgotten = true;
    }
    return pending;
  }

  /** How many results to ask for, so that enough remain if this agent's changes remove some. */
  roomFor(limit: number, most: number, before: Operation[]): number {
    const leaving = before.filter(
      ({ type, body }) => type !== "memory.put" || body.key !== undefined,
    ).length;
    // Pass a wrong limit on, so that the server refuses it.
    return limit >= 1 && limit <= most ? Math.min(limit + leaving, most) : limit;
  }

  /** Applies this agent's changes to a memory from the server, or to null. */
  memory(id: string, server: Memory | null, pending: Unacknowledged): Memory | null {
    const one = pending.get(idOf(id));
    if (!one) return server;
    if (one.isForgotten) return null;
    const memory = server ?? this.#put(one);
    return memory && mark(updated(memory, one), one);
  }

  /** The last turns of a conversation, oldest first. */
  thread(
    conversationId: string,
    last: number,
    server: Memory[],
    pending: Unacknowledged,
  ): Memory[] {
    if (pending.size === 0) return server;
    const rows = new Map(server.map((row) => [row.id, row]));
    for (const id of pending.keys()) {
      const memory = this.memory(id, rows.get(id) ?? null, pending);
      if (memory?.conversationId === idOf(conversationId)) rows.set(id, memory);
      else rows.delete(id);
    }
    return [...rows.values()]
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
      .slice(-last);
  }

  /** The results of a recall on the server, with the waiting memories inserted by score. */
  recall(
    answer: Recall,
    query: string,
    options: RecallOptions,
    pending: Unacknowledged,
    now: number,
  ): Promise<Recall> {
    if (pending.size === 0) {
      this.#index = undefined;
      return Promise.resolve(answer);
    }
    const server = answer.results.flatMap((result) => {
      const one = pending.get(result.id);
      return one ? (shown(result, one, options, now) ?? []) : [result];
    });
    const listed = new Set(answer.results.map(({ id }) => id));
    // Run one recall at a time, because each one changes the index.
    const run = this.#turn.then(async () => {
      const local = await this.#search(query, options, pending, now);
      const results = [...server, ...local.filter(({ id }) => !listed.has(id))]
        .sort((a, b) => b.score - a.score)
        .slice(0, options.limit ?? 10);
      return { ...answer, results };
    });
    this.#turn = run.catch(() => {});
    return run;
  }

  /** Marks waiting memories in a recall of the cache, which already includes them. */
  marked(results: RecalledMemory[]): RecalledMemory[] {
    const pending = this.since([]);
    return results.map((result) => {
      const one = pending.get(result.id);
      return one ? mark(result, one) : result;
    });
  }

  #put({ put }: Pending): Memory | null {
    return put ? memoryFromBody(put.subject, put.body, this.#own.id) : null;
  }

  async #search(
    query: string,
    options: RecallOptions,
    pending: Unacknowledged,
    now: number,
  ): Promise<RecalledMemory[]> {
    const { search } = this.#indexOf(pending);
    // No memory is ranked lower for a missing vector: the search makes it, or searches by words only.
    const { results } = await search.recall(query, options, now);
    return results.flatMap((found) => {
      const one = pending.get(found.memory.id);
      return one ? [mark(recalledLocally(found, this.#own), one)] : [];
    });
  }

  /** Updates the index of what is waiting. A recall pays only for what is new. */
  #indexOf(pending: Unacknowledged): Index {
    let index = this.#index;
    if (!index) {
      // No limits are needed here, because the outbox has its own.
      const cache = new MemoryCache({ maxMemories: Infinity, maxBytes: Infinity });
      index = { cache, search: new LocalSearch(cache, this.#embedder), keys: new Map() };
      this.#index = index;
    }
    const { cache, search, keys } = index;
    for (const id of keys.keys()) {
      if (pending.get(id)?.isForgotten === false) continue;
      cache.remove(id);
      keys.delete(id);
    }
    for (const [id, one] of pending) {
      const { put, updates, isForgotten } = one;
      const held = this.#held.get(id);
      const parts = [put?.id, put ? undefined : held?.version, ...updates.map((op) => op.id)];
      const key = parts.join(" ");
      if (isForgotten || keys.get(id) === key) continue;
      const memory = put?.body.key ? (held ?? this.#put(one)) : (this.#put(one) ?? held);
      if (!memory) continue;
      keys.set(id, key);
      // A cache refuses an older version of a memory, so all memories here get version 1.
      cache.put({ ...updated(memory, one), version: 1 });
      // The vector of an updated memory may belong to another text.
      const { embedding, model } = updates.length === 0 && put ? put.body : {};
      if (embedding && model) search.addVector(id, model, embedding);
    }
    return index;
  }
}

/**
 * A result of the server with this agent's changes. Null if the memory is forgotten or no longer matches the
 * filters. Filters on fields that a result does not contain were already applied by the server.
 */
function shown(
  result: RecalledMemory,
  one: Pending,
  options: RecallOptions,
  now: number,
): RecalledMemory | null {
  if (one.isForgotten) return null;
  const { sessionId, conversationId } = options;
  const whole: Memory = {
    ...contentOf(result),
    sessionId: sessionId ? idOf(sessionId) : null,
    conversationId: conversationId ? idOf(conversationId) : null,
    ...{ success: null, visibility: "tenant", version: 1, expiresAt: null, key: null },
    updatedAt: result.createdAt,
  };
  const memory = updated(whole, one);
  if (!matches(memory, options, now)) return null;
  return mark({ ...result, ...contentOf(memory) }, one);
}
