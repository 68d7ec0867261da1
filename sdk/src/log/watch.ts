import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid, storageFailed, wrongPage } from "../contract/invalid.ts";
import type { LogEvent } from "../contract/log.ts";
import { logBounds } from "../contract/log-bounds.ts";
import { memoryFromRow } from "../contract/memory-rows.ts";
import type { Link } from "../link/link.ts";
import { longestTimerMs } from "../link/monotonic-time.ts";
import { Backoff, Pause, passes } from "../link/retry.ts";
import { report } from "../link/safe-callback.ts";
import type { LogFeed, Member } from "./feed.ts";
import { type LogRead, readAll, readLog, type Want } from "./page.ts";
import type { RoomBatch, RoomWatchOptions, WatchState } from "./watch-types.ts";

/**
 * Thrown by one of the SDK's own handlers when a pull that it makes fails. Like a failed pull of
 * the watch, this may be temporary.
 */
export class NotPulled {
  readonly why: MayflyError;
  constructor(why: MayflyError) {
    this.why = why;
  }
}

/** A stream of a tenant's events that misses nothing and repeats nothing. */
export class Watch implements Member {
  /**
   * Resolves when the watch has ended: to null after `stop()` or the end of the agent, otherwise to the
   * error.
   */
  readonly ended: Promise<MayflyError | null>;
  /** @internal */
  readonly want: Want;
  /** @internal */
  readonly pollMs: number;
  /** @internal */
  readonly followMs: number | null;
  readonly #link: Link;
  readonly #feed: LogFeed;
  readonly #options: RoomWatchOptions;
  readonly #handler: (batch: RoomBatch) => void | Promise<void>;
  readonly #pause = new Pause();
  #state: WatchState;
  /** Whether the watch still reads existing memories, before it reads the log. */
  #inSnapshot = false;
  /** The events that it got when it joined the feed. The feed delivers them again, and they are skipped. */
  #seen = new Set<unknown>();
  #handling: Promise<void> = Promise.resolve();
  #detached: () => void = () => {};
  /**
   * Whether this watch reads without the feed, because it had no room for a page, or because a read of the
   * feed was refused.
   */
  #alone = false;

  /** @internal */
  constructor(
    link: Link,
    feed: LogFeed,
    options: RoomWatchOptions,
    handler: (batch: RoomBatch) => void | Promise<void>,
    state: WatchState,
    first: LogRead | null,
  ) {
    this.#link = link;
    this.#feed = feed;
    this.#options = options;
    this.#handler = handler;
    this.#state = state;
    this.want = wantOf(options);
    this.pollMs = options.pollMs ?? 5_000;
    this.followMs = options.followMs ?? null;
    this.ended = this.#follow(first).finally(() => this.stop());
  }

  /** Where the log continues after what was handled. */
  get cursor(): string {
    return this.#state.cursor ?? "";
  }

  /** Stops the watch. It does not wait for a running handler: `ended` does that. */
  async stop(): Promise<void> {
    this.#pause.end();
    this.#detached();
    await this.#feed.leave(this);
  }

  /** @internal */
  offer(page: LogRead): Promise<void> {
    this.#handling = this.#handling.then(async () => {
      const events = page.events.filter((event) => !this.#seen.has(idOf(event)));
      await this.#take({ ...page, events });
      if (!page.more) this.#seen.clear();
    });
    return this.#handling;
  }

  /** @internal */
  detach(): void {
    this.#alone = true;
    this.#detached();
  }

  /** @internal Reports an error after which the read is tried again. */
  tell(error: unknown): void {
    const { onError } = this.#options;
    if (onError) report(onError, "A watch", error);
  }

  async #follow(first: LogRead | null): Promise<MayflyError | null> {
    const backoff = new Backoff();
    this.#inSnapshot = this.#state.cursor === null;
    let page = first;
    while (!this.#pause.ended) {
      let detached: Promise<void> | null = null;
      if (!page) {
        const { data, error } = await this.#next();
        if (this.#pause.ended) break;
        if (error?.code === "cursor_expired") {
          this.#state = { cursor: null, attempt: 0 };
          this.#inSnapshot = true;
          continue;
        }
        if (error) {
          if (!passes(error)) return error;
          this.tell(error);
          await this.#pause.sleep(backoff.next(error) ?? 0);
          continue;
        }
        ({ page, detached } = data);
      }
      backoff.reset();
      if (page) {
        await this.#take(page);
        // After the last page of a snapshot, the watch reads the log since its first page.
        if (!page.more) this.#inSnapshot = false;
      }
      page = null;
      if (!detached) continue;
      this.#feed.ready(this);
      await detached;
      await this.#handling;
    }
    return null;
  }

  /** Reads a page on its own, or joins the feed when it has read everything. */
  async #next(): Promise<Result<{ page: LogRead | null; detached: Promise<void> | null }>> {
    if (this.#inSnapshot) {
      const read = await readFirst(this.#link, this.#state.cursor, this.want);
      return read.error ? read : ok({ page: read.data, detached: null });
    }
    if (this.#alone) {
      const { data, error } = await readLog(this.#link, this.cursor, this.want);
      // If the caller may not read memories, read everything else.
      if (error?.code === "scope_missing" && this.want.types === null && this.want.memories) {
        this.want.memories = false;
        return this.#next();
      }
      if (error) return failed(error);
      this.#alone = data.more;
      return ok({ page: data, detached: null });
    }
    const detached = new Promise<void>((resolve) => {
      this.#detached = resolve;
    });
    const { data, error } = await this.#feed.enter(this);
    if (error) return failed(error);
    if (!data.entered) return ok({ page: data.page, detached: null });
    this.#seen = new Set(data.page?.events.map(idOf));
    // The watch was stopped meanwhile.
    if (this.#pause.ended) await this.stop();
    return ok({ page: data.page, detached });
  }

  /** Delivers a page, and moves the cursor when it was handled. */
  async #take(page: LogRead): Promise<void> {
    if (this.#pause.ended) return;
    const { types } = this.#options;
    const snapshot = this.#inSnapshot;
    const events = page.events.filter(({ type }) => matchesAny(type, types));
    const subjects = new Set(events.map(({ subject }) => subject));
    const wanted = matchesAny("memory.created", types);
    const memories = page.memories.filter(({ id }) => (snapshot ? wanted : subjects.has(id)));
    // The first page of a snapshot arrives even if it is empty: it says that there may be a gap
    // before it.
    const begins = this.#state.cursor === null;
    if (events.length > 0 || memories.length > 0 || begins) {
      const batch = {
        events,
        memories: memories.map(memoryFromRow),
        states: page.states,
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

  /** Repeats until it succeeds. Returns false if the watch was stopped first. */
  async #insist(step: () => Promise<void>): Promise<boolean> {
    const backoff = new Backoff();
    for (let failures = 0; ; failures++) {
      try {
        await step();
        return true;
      } catch (error) {
        const { onError } = this.#options;
        if (error instanceof NotPulled) this.tell(error.why);
        // The handler may fail forever, so the console shows only the first failure.
        else if (onError || failures === 0) report(onError, "A handler of a watch", error);
      }
      await this.#pause.sleep(backoff.next() ?? 0);
      if (this.#pause.ended) return false;
    }
  }
}

/** Starts a watch with its first page, so that an error at the start is returned at once. */
export async function startWatch(
  link: Link,
  feed: LogFeed,
  options: RoomWatchOptions,
  handler: (batch: RoomBatch) => void | Promise<void>,
): Promise<Result<Watch>> {
  const { since, store, limit, pollMs, followMs } = options;
  const wrong = wrongPage("limit", limit) ?? wrongPollMs(pollMs) ?? wrongFollowMs(followMs);
  if (wrong) return failed(wrong);
  const want = wantOf(options);
  const { data: loaded, error: unread } =
    since === undefined ? await inStore(() => store?.load()) : ok({ cursor: since, attempt: 0 });
  if (unread) return failed(unread);
  if (loaded) {
    const first = await readFirst(link, loaded.cursor, want);
    if (first.error && first.error.code !== "cursor_expired") return failed(first.error);
    const state = first.error ? { cursor: null, attempt: 0 } : { ...loaded };
    return ok(new Watch(link, feed, options, handler, state, first.data));
  }
  const { data, error } = await readLog(link, "now", { ...want, memories: false, states: false });
  if (error) return failed(error);
  const { cursor } = data;
  const saved = await inStore(() => store?.save({ cursor, attempt: 0 }));
  if (saved.error) return saved;
  return ok(new Watch(link, feed, options, handler, { cursor, attempt: 0 }, null));
}

/** Returns what the caller's store returned, or an error if it threw. */
async function inStore<T>(work: () => Promise<T> | undefined): Promise<Result<T | undefined>> {
  try {
    return ok(await work());
  } catch (error) {
    return failed(storageFailed(`The watch's store failed: ${String(error)}`, null, error));
  }
}

const { least } = logBounds.followMs;
const wrongFollowMs = (followMs: number = least) =>
  followMs >= least && followMs <= longestTimerMs
    ? null
    : invalid("followMs", `must be at least ${least} milliseconds`);

const wrongPollMs = (pollMs = 5_000) =>
  pollMs >= 1 && pollMs <= longestTimerMs
    ? null
    : invalid("pollMs", "must be at least 1 millisecond");

const wantOf = ({ types, limit = 500, states = false }: RoomWatchOptions): Want => ({
  types: types ?? null,
  memories: ["memory.created", "memory.updated"].some((type) => matchesAny(type, types)),
  states,
  limit,
});

/**
 * Reads the first page after the cursor. Without a cursor, or within a snapshot, it is a page of memories.
 */
async function readFirst(link: Link, cursor: string | null, want: Want): Promise<Result<LogRead>> {
  if (cursor === null && !want.memories) return readLog(link, "now", want);
  if (cursor === null) return readAll(link, null, want);
  const read = await readLog(link, cursor, want);
  return read.error?.code === "cursor_invalid" ? readAll(link, cursor, want) : read;
}

/** The number of an event. The log is not ordered by it, so only the SDK uses it. */
const idOf = (event: LogEvent) => (event as { id?: unknown }).id;

const matchesAny = (type: string, patterns: string[] | undefined) =>
  !patterns ||
  patterns.some((pattern) =>
    pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern,
  );
