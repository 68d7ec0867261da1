import type { LogEvent, Mayfly, MayflyError, Watch } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { oneLine } from "../parts/text.ts";
import { hourMs } from "./agents.ts";
import { type Instant, Timeline } from "./timeline.ts";

/** An event of the log, as the page has it. */
export interface Happening extends Instant {
  /** As `agent.stopped`. */
  type: string;
  /** The first word of its type. */
  kind: string;
  subject: string | null;
  agentId: string | null;
  version: number | null;
  fields: string[] | null;
}

/** How the page stands to what happens. */
export interface LiveState {
  at: "starting" | "live" | "catching-up" | "trouble" | "ended";
  /** How long the last event took from its commit to the page, by two clocks. */
  lagMs: number | null;
  message: string | null;
}

/** Between two pulls while something happens: so an event is on the screen within 200 ms. */
const followMs = 150;
const kept = 20_000;
const pageSize = 1_000;
/** Of the past hour; older events are a page away, in the stream. */
const pastPages = 3;
/** No failure within this long: it is over. */
const calmMs = 35_000;

export function happeningOf(event: LogEvent): Happening {
  const { type, subject, agent_id, version, fields, at } = event;
  const kind = type.split(".", 1)[0] ?? type;
  return {
    // The same event by another road has the same key: `at` has microseconds.
    key: `${at}|${type}|${subject}|${version}`,
    at: Date.parse(at),
    ...{ type, kind, subject, agentId: agent_id, version, fields },
  };
}

/** What happens in the tenant: the past hour, and everything from now on, by one watch of the log. */
export class Events {
  readonly timeline = new Timeline<Happening>(kept);
  /** What memories are about, as far as they came by. */
  readonly memories = new Map<string, string>();
  readonly state = signal<LiveState>({ at: "starting", lagMs: null, message: null });
  readonly #mayfly: Mayfly;
  readonly #listeners = new Set<(events: Happening[], isPast: boolean) => void>();
  #watch: Watch | undefined;
  #troubled: ReturnType<typeof setTimeout> | undefined;

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
  }

  /** Told of events that are new to the page. */
  listen(listener: (events: Happening[], isPast: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The watch first: what happens while the past is read is in it. */
  async start(): Promise<MayflyError | null> {
    const options = { followMs, onError: (error: unknown) => this.#trouble(error) };
    const watch = await this.#mayfly.log.watch(options, ({ events, memories, snapshot }) => {
      for (const { id, task } of memories) this.memories.set(id, oneLine(task ?? ""));
      if (events.length > 0) this.#take(events);
      // The cursor had expired, so the page reads the past again.
      if (snapshot) void this.#readPast();
    });
    if (watch.error) {
      this.state.value = { at: "ended", lagMs: null, message: watch.error.message };
      return watch.error;
    }
    this.#watch = watch.data;
    void watch.data.ended.then((error) => {
      if (error) this.state.value = { at: "ended", lagMs: null, message: error.message };
    });
    const past = await this.#readPast();
    this.state.value = { ...this.state.value, at: "live", message: null };
    return past;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#troubled);
    await this.#watch?.stop();
  }

  async #readPast(): Promise<MayflyError | null> {
    const since = new Date(Date.now() - hourMs);
    let after: string | undefined;
    for (let page = 0; page < pastPages; page++) {
      const more = after === undefined ? {} : { after };
      const read = await this.#mayfly.log.list({ since, limit: pageSize, ...more });
      if (read.error) return read.error;
      this.#tell(this.timeline.add(read.data.events.reverse().map(happeningOf)), true);
      if (read.data.after === null) break;
      after = read.data.after;
    }
    return null;
  }

  #take(events: LogEvent[]): void {
    const happened = events.map(happeningOf);
    const newest = Math.max(...happened.map(({ at }) => at));
    const lagMs = Math.max(0, Date.now() - newest);
    clearTimeout(this.#troubled);
    const at = lagMs > 5_000 ? "catching-up" : "live";
    this.state.value = { at, lagMs, message: null };
    this.#tell(this.timeline.add(happened), false);
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
