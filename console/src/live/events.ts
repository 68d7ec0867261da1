import type { LogEvent, Mayfly, MayflyError, Watch } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { titleOfMemory } from "../parts/text.ts";
import { hourMs } from "./agents.ts";
import { type Instant, Timeline } from "./timeline.ts";

/** An event of the log, in the form that the page uses. */
export interface Happening extends Instant {
  /** The type, such as `agent.stopped`. */
  type: string;
  /** The first word of its type. */
  kind: string;
  subject: string | null;
  agentId: string | null;
  version: number | null;
  fields: string[] | null;
}

/** Whether the page is up to date. */
export interface LiveState {
  at: "starting" | "live" | "catching-up" | "trouble" | "ended";
  /** How long the last event took from its commit to the page: the time on the page's clock minus the database's. */
  lagMs: number | null;
  message: string | null;
}

/**
 * The time between two pulls while something happens. This time is so short that an event is on the
 * screen within 200 ms.
 */
const followMs = 150;
const kept = 20_000;
const pageSize = 1_000;
/**
 * How many pages of the past hour's events are read at most. More pages are read when the person asks for
 * older events.
 */
const pastPages = 3;
/** After this long without a failure, the page counts as up to date again. */
const calmMs = 35_000;

/** An event that took longer than this says that the page is behind. */
const behindMs = 5_000;
/** How long after such an event the page looks whether it has caught up, and how often it looks again. */
const caughtUpMs = [600, 1_500] as const;

/** Errors that may go away by themselves. */
const passing: readonly string[] = ["unavailable", "rate_limited"];

const failed = /\.(failed|refused|expired|rejected)$/;

/** Whether an event says that something went wrong. */
export const saysFailure = ({ type }: { type: string }): boolean => failed.test(type);

export function happeningOf(event: LogEvent): Happening {
  const { type, subject, agent_id, version, fields, at } = event;
  const kind = type.split(".", 1)[0] ?? type;
  return {
    // An event may arrive by several ways, but always has the same key. Different events have
    // different keys, because `at` has microseconds.
    key: `${at}|${type}|${subject}|${version}`,
    at: Date.parse(at),
    ...{ type, kind, subject, agentId: agent_id, version, fields },
  };
}

/**
 * Everything that happens in the tenant, from an hour ago until now. The whole page needs only one
 * watch of the log.
 */
export class Events {
  readonly timeline = new Timeline<Happening>(kept);
  /** The titles of memories that were stored or changed while the page was open. */
  readonly memories = new Map<string, string>();
  readonly state = signal<LiveState>({ at: "starting", lagMs: null, message: null });
  readonly #mayfly: Mayfly;
  readonly #listeners = new Set<(events: Happening[], isPast: boolean) => void>();
  /** The cursor for events older than the past hour. Null if there are none. */
  #older: string | null | undefined;
  #watch: Watch | undefined;
  #troubled: ReturnType<typeof setTimeout> | undefined;
  /** While the page is behind: when it looks whether it has caught up. */
  #looks: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
  }

  /**
   * Calls the listener with events that are new to the page, until the returned function is called.
   */
  listen(listener: (events: Happening[], isPast: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts the watch first, so that it catches everything that happens while the past is read. */
  async start(): Promise<MayflyError | null> {
    const options = { followMs, onError: (error: unknown) => this.#trouble(error) };
    const watch = await this.#mayfly.log.watch(options, ({ events, memories, snapshot }) => {
      for (const one of memories) this.memories.set(one.id, titleOfMemory(one));
      if (events.length > 0) this.#take(events);
      // The cursor has expired, so the page reads the past again.
      if (snapshot) void this.#readWholePast();
    });
    if (watch.error) {
      this.state.value = { at: "ended", lagMs: null, message: watch.error.message };
      return watch.error;
    }
    this.#watch = watch.data;
    void watch.data.ended.then((error) => {
      if (error) this.state.value = { at: "ended", lagMs: null, message: error.message };
    });
    const past = await this.#readWholePast();
    this.state.value = { ...this.state.value, at: "live", message: null };
    return past;
  }

  /** Whether `readOlder` may return more. The number of kept events is limited. */
  get hasOlder(): boolean {
    return this.#older !== null && this.timeline.items.length < kept;
  }

  /** Looks whether there is any event from before the past hour, unless that is known. */
  async lookForOlder(): Promise<void> {
    if (this.#older !== undefined) return;
    const until = new Date(Date.now() - hourMs);
    const { data } = await this.#mayfly.log.list({ until, limit: 1 });
    // Meanwhile, the past may have been read, which says more.
    if (!data || data.events.length > 0 || this.#older !== undefined) return;
    this.#older = null;
    this.timeline.version.changed();
  }

  /** Whether everything that the log has is known. */
  get hasBeginning(): boolean {
    return this.#older === null;
  }

  /** Reads a page of older events. */
  async readOlder(): Promise<MayflyError | null> {
    const before = this.timeline.items.length;
    const more = this.#older ? { after: this.#older } : {};
    const read = await this.#mayfly.log.list({ limit: pageSize, ...more });
    if (read.error) return read.error;
    this.#older = read.data.after;
    const { completeSince } = this.timeline;
    const oldest = this.#addPast(read.data.events);
    this.timeline.completeSince = this.#older === null ? 0 : Math.min(completeSince, oldest);
    this.timeline.version.changed();
    // The first page may contain only known events.
    return this.timeline.items.length === before && this.hasOlder ? this.readOlder() : null;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#troubled);
    clearTimeout(this.#looks);
    await this.#watch?.stop();
  }

  /**
   * Tries to read the past until that succeeds, because a page without the past must not claim to be
   * up to date.
   */
  async #readWholePast(): Promise<MayflyError | null> {
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, calmMs)) {
      const error = await this.#readPast();
      if (!error || !passing.includes(error.code) || this.#isStopped) return error;
      this.#trouble(error);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  async #readPast(): Promise<MayflyError | null> {
    const since = new Date(Date.now() - hourMs);
    let after: string | undefined;
    for (let page = 0; page < pastPages; page++) {
      const more = after === undefined ? {} : { after };
      const read = await this.#mayfly.log.list({ since, limit: pageSize, ...more });
      if (read.error) return read.error;
      const oldest = this.#addPast(read.data.events);
      this.timeline.completeSince = read.data.after === null ? since.getTime() : oldest;
      if (read.data.after === null) break;
      after = read.data.after;
      this.#older ??= after;
    }
    return null;
  }

  /** Adds a page of past events, newest first. Returns the time of the oldest one. */
  #addPast(page: LogEvent[]): number {
    const happened = page.map(happeningOf).reverse();
    this.#tell(this.timeline.add(happened), true);
    return happened[0]?.at ?? 0;
  }

  #take(events: LogEvent[]): void {
    const happened = events.map(happeningOf);
    const newest = Math.max(...happened.map(({ at }) => at));
    const lagMs = Math.max(0, Date.now() - newest);
    clearTimeout(this.#troubled);
    clearTimeout(this.#looks);
    const at = lagMs > behindMs ? "catching-up" : "live";
    this.state.value = { at, lagMs, message: null };
    if (at === "catching-up") this.#lookLater(caughtUpMs[0]);
    this.#tell(this.timeline.add(happened), false);
  }

  #lookLater(ms: number): void {
    if (this.#isStopped) return;
    this.#looks = setTimeout(() => void this.#look(), ms);
  }

  /**
   * Looks whether the newest event of the log is on the page. If so, nothing is missing anymore, and
   * the page need not wait for another event to say so.
   */
  async #look(): Promise<void> {
    const own = this.#looks;
    const { data } = await this.#mayfly.log.list({ limit: 1 });
    // Meanwhile, another page of events has arrived, and that one looks again.
    if (own !== this.#looks || this.state.value.at !== "catching-up") return;
    const newest = data?.events[0];
    if (data && (!newest || this.timeline.has(happeningOf(newest).key)))
      this.state.value = { ...this.state.value, at: "live" };
    else this.#lookLater(caughtUpMs[1]);
  }

  #tell(fresh: Happening[], isPast: boolean): void {
    if (fresh.length > 0) for (const listener of this.#listeners) listener(fresh, isPast);
  }

  #trouble(error: unknown): void {
    clearTimeout(this.#troubled);
    const message = error instanceof Error ? error.message : String(error);
    this.state.value = { ...this.state.value, at: "trouble", message };
    this.#troubled = setTimeout(() => {
      this.state.value = { ...this.state.value, at: "live", message: null };
    }, calmMs);
  }
}
