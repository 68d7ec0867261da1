import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid, wrongPage } from "../contract/invalid.ts";
import { type LogEvent, type SyncAnswer, syncAnswer } from "../contract/log.ts";

import { jittered } from "../link/jitter.ts";
import type { Link } from "../link/link.ts";
import { report } from "../link/report.ts";
import { longestTimerMs } from "../link/ticks.ts";

import { type Memory, memoryFromRow } from "../memory/memory.ts";
import { storageFailed } from "../outbox/storage.ts";
import { listenForNudges } from "./nudges.ts";
import { Pace } from "./pace.ts";
import { LogReader } from "./reader.ts";
import { passing } from "./sequence.ts";

/** What happened, in the order of the log. */
export interface WatchBatch {
  /** At least one, but in a snapshot. */
  events: LogEvent[];
  /** The memories that the events are about, as they are now; in a snapshot, a page of all. */
  memories: Memory[];
  /**
   * Whether this is a page of the memories that there are, not of the log: with `since: null`, and
   * when the log since the cursor is gone (`cursor_expired`), so that a view can be built anew. For a
   * watch whose types leave memories out, one without them says so.
   */
  snapshot: boolean;
  /** Where the log goes on behind this batch: to be kept with what was done about it. */
  cursor: string;
  /** From 1. Above it some of this batch may have been handled before: its handler or process failed. */
  attempt: number;
}

/** Awaited before the next batch comes. One that throws is called again with the same batch. */
export type WatchHandler = (batch: WatchBatch) => void | Promise<void>;

/** How far a watch has come. */
export interface WatchState {
  cursor: string | null;
  /** How often the batch behind the cursor was handed over. */
  attempt: number;
}

/** Keeps how far a watch has come across restarts. */
export interface WatchStore {
  /** What was saved last; null the first time. */
  load(): Promise<WatchState | null>;
  /** Keeps it: what it has resolved for is what a restart loads. */
  save(state: WatchState): Promise<void>;
}

/** What to watch of the log, and from where. */
export interface WatchOptions {
  /** As `agent.stopped` or `memory.*`; all by default. */
  types?: string[];
  /**
   * Start behind this cursor; null: with all memories, then the log. Without it where `store` has
   * left off, and else from now on.
   */
  since?: string | null;
  /** Loaded at the start, saved before and after each batch. */
  store?: WatchStore;
  /** Events, or memories of a snapshot, a page: 1 to 1,000, 500 by default. No more are held. */
  limit?: number;
  /** Milliseconds between pulls while Realtime cannot be reached; 5,000 by default. */
  pollMs?: number;
  /** Told what goes wrong and is tried again: a pull, the handler, the store. */
  onError?: (error: unknown) => void;
}

/** Tried again after so long at first, doubled each time. */
const firstDelayMs = 500;
const maxDelayMs = 30_000;

/** Thrown by a handler of our own that pulls: it passes, as a pull of the watch does. */
export class NotPulled {
  readonly why: MayflyError;
  constructor(why: MayflyError) {
    this.why = why;
  }
}

/** A stream of a tenant's events that misses nothing and repeats nothing. */
export class Watch {
  /** When it is over: null after `stop()` or the end of its agent, else the error that ended it. */
  readonly ended: Promise<MayflyError | null>;
  readonly #link: Link;
  readonly #options: WatchOptions;
  readonly #handler: WatchHandler;
  readonly #pace: Pace;
  readonly #reader: LogReader;
  #state: WatchState;
  #stopped = false;
  #leave: () => Promise<void> = () => Promise.resolve();

  /** @internal */
  constructor(
    link: Link,
    tenant: string,
    options: WatchOptions,
    handler: WatchHandler,
    state: WatchState,
    first: SyncAnswer | null,
  ) {
    this.#link = link;
    this.#options = options;
    this.#handler = handler;
    this.#state = state;
    this.#pace = new Pace(options.pollMs ?? 5_000);
    this.#reader = new LogReader(this.#pace, (error) => this.#options.onError?.(error));
    this.ended = this.#run(tenant, first);
  }

  /** Where the log goes on behind what was handled. */
  get cursor(): string | null {
    return this.#state.cursor;
  }

  /** Hands over no more. A handler that runs is not waited for: `ended` does that. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pace.end();
    await this.#leave();
  }

  async #run(tenant: string, first: SyncAnswer | null): Promise<MayflyError | null> {
    // Once joined it pulls again: what came before had no nudge.
    const unlisten = this.#link.attendance.add(this.#reader);
    this.#leave = listenForNudges(this.#link, tenant, this.#reader);
    const error = await this.#follow(first);
    unlisten();
    this.#stopped = true;
    await this.#leave();
    return error;
  }

  async #follow(first: SyncAnswer | null): Promise<MayflyError | null> {
    let page = first;
    let inSnapshot = false;
    for (let delay = firstDelayMs; !this.#stopped; page = null) {
      if (!page) {
        this.#reader.pulls();
        const { data, error } = await pull(this.#link, this.#state.cursor, this.#options.limit);
        if (this.#stopped) break;
        if (error?.code === "cursor_expired") {
          this.#state = { cursor: null, attempt: 0 };
          continue;
        }
        if (error) {
          if (!passing.includes(error.code)) return error;
          this.#tell(error);
          await this.#pace.sleep(jittered(delay));
          delay = Math.min(delay * 2, maxDelayMs);
          continue;
        }
        page = data;
        this.#reader.pulled(page);
      }
      delay = firstDelayMs;
      inSnapshot ||= isSnapshot(page, this.#state.cursor);
      if (this.#stopped) break;
      await this.#take(page, inSnapshot);
      if (page.more) continue;
      // Behind the last page of a snapshot comes the log since its first.
      if (inSnapshot) inSnapshot = false;
      else await this.#pace.untilDue();
    }
    return null;
  }

  /** Hands a page over, and moves the cursor when it was handled. */
  async #take(page: SyncAnswer, snapshot: boolean): Promise<void> {
    const events = page.events.filter(({ type }) => matchesAny(type, this.#options.types));
    const subjects = new Set(events.map(({ subject }) => subject));
    const wanted = matchesAny("memory.created", this.#options.types);
    const memories = page.memories.filter(({ id }) => (snapshot ? wanted : subjects.has(id)));
    // The first page of a snapshot comes even empty: it says that there may be a gap before.
    const begins = this.#state.cursor === null;
    if (events.length > 0 || memories.length > 0 || begins) {
      const batch = {
        events,
        memories: memories.map(memoryFromRow),
        snapshot,
        cursor: page.cursor,
      };
      const handled = await this.#insist(async () => {
        const attempt = this.#state.attempt + 1;
        await this.#options.store?.save({ ...this.#state, attempt });
        this.#state.attempt = attempt;
        await this.#handler({ ...batch, attempt });
      });
      if (!handled) return;
    }
    const moved = page.events.length > 0 || page.memories.length > 0;
    this.#state = { cursor: page.cursor, attempt: 0 };
    if (moved) await this.#insist(async () => this.#options.store?.save(this.#state));
  }

  /** It passes, and is tried again. */
  #tell(error: unknown): void {
    const { onError } = this.#options;
    if (onError) report(onError, "A watch", error);
  }

  /** Does it until it succeeds; says false when the watch was stopped before. */
  async #insist(step: () => Promise<void>): Promise<boolean> {
    for (let delay = firstDelayMs; ; delay = Math.min(delay * 2, maxDelayMs)) {
      try {
        await step();
        return true;
      } catch (error) {
        const { onError } = this.#options;
        if (error instanceof NotPulled) this.#tell(error.why);
        // It may fail for ever: the console has the first of its failures.
        else if (onError || delay === firstDelayMs) report(onError, "A handler of a watch", error);
      }
      await this.#pace.sleep(jittered(delay));
      if (this.#stopped) return false;
    }
  }
}

/** Starts a watch with its first page, so that what is wrong from the start is said at once. */
export async function startWatch(
  link: Link,
  tenant: string,
  options: WatchOptions,
  handler: WatchHandler,
): Promise<Result<Watch>> {
  const { since, store, limit, pollMs } = options;
  const wrong = wrongPage("limit", limit) ?? wrongPollMs(pollMs);
  if (wrong) return failed(wrong);
  const { data: loaded, error: unread } =
    since === undefined ? await inStore(() => store?.load()) : ok({ cursor: since, attempt: 0 });
  if (unread) return failed(unread);
  if (loaded) {
    const first = await pull(link, loaded.cursor, limit);
    if (first.error && first.error.code !== "cursor_expired") return failed(first.error);
    return ok(new Watch(link, tenant, options, handler, { ...loaded }, first.data));
  }
  const { data, error } = await pull(link, "now", limit);
  if (error) return failed(error);
  const { cursor } = data;
  const saved = await inStore(() => store?.save({ cursor, attempt: 0 }));
  if (saved.error) return saved;
  return ok(new Watch(link, tenant, options, handler, { cursor, attempt: 0 }, null));
}

/** What the caller's store gave, or that it threw. */
async function inStore<T>(work: () => Promise<T> | undefined): Promise<Result<T | undefined>> {
  try {
    return ok(await work());
  } catch (error) {
    return failed(storageFailed(`The watch's store failed: ${String(error)}`, null, error));
  }
}

const wrongPollMs = (pollMs = 5_000) =>
  pollMs >= 1 && pollMs <= longestTimerMs
    ? null
    : invalid("pollMs", "must be at least 1 millisecond");

const pull = (link: Link, since: string | null, limit = 500) =>
  link.fn("sync", syncAnswer, { since, limit });

/** In the log memories come with their events alone. */
const isSnapshot = ({ events, memories }: SyncAnswer, since: string | null) =>
  since === null || (events.length === 0 && memories.length > 0);

const matchesAny = (type: string, patterns: string[] | undefined) =>
  !patterns ||
  patterns.some((pattern) =>
    pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern,
  );
