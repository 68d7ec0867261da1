import type { DebugLevel, DebugRecord, DebugWatch, Mayfly, MayflyError } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { type Instant, Timeline } from "./timeline.ts";

/** A record of an agent's debug stream, in the form that the page uses. */
export interface Told extends Instant, Omit<DebugRecord, "at"> {}

const kept = 10_000;
const pageSize = 1_000;
/**
 * Stored records are read again from this long before the watch, to include those that arrive while
 * the watch opens.
 */
const overlapMs = 60_000;

export const toldOf = (record: DebugRecord): Told => ({
  ...record,
  key: record.id,
  at: record.at.getTime(),
});

/**
 * The debug records of one agent or of all: stored records first, then live ones while a level is
 * leased. Agents are silent unless somebody watches, so nothing is leased before a level is chosen.
 */
export class DebugRecords {
  readonly timeline = new Timeline<Told>(kept);
  readonly problem = signal<string | null>(null);
  readonly level = signal<DebugLevel>("silent");
  /** How many agents are watched now. Null while no level is leased. */
  readonly listensTo = signal<number | null>(null);
  readonly #mayfly: Mayfly;
  readonly #agent: string | undefined;
  #watch: DebugWatch | null = null;
  /** Changes run one after the other, because a watch can be changed only once it is open. */
  #last: Promise<void> = Promise.resolve();
  #ended = false;
  #oldest: DebugRecord | undefined;
  #hasOlder = false;

  constructor(mayfly: Mayfly, agent?: string) {
    this.#mayfly = mayfly;
    this.#agent = agent;
  }

  /** Whether `readOlder` may return more of the time that was read. The number of kept records is limited. */
  get hasOlder(): boolean {
    return this.#hasOlder && this.timeline.items.length < kept;
  }

  /**
   * Reads the tenant's stored records since this time. This does not make any agent record anything.
   */
  async readKept(since: Date): Promise<void> {
    const agent = this.#agent ? { agent: this.#agent } : {};
    const { data } = await this.#mayfly.debug.list({ since, limit: pageSize, ...agent });
    this.#took(data ?? [], since);
  }

  /** Reads stored records that are older than all known ones, back to this time. */
  async readOlder(since: Date): Promise<MayflyError | null> {
    const agent = this.#agent ? { agent: this.#agent } : {};
    const before = this.#oldest ? { before: this.#oldest } : {};
    const options = { since, limit: pageSize, ...agent, ...before };
    const { data, error } = await this.#mayfly.debug.list(options);
    if (error) return error;
    this.#took(data, since);
    return null;
  }

  /** Takes a page of stored records since this time, newest first. */
  #took(page: DebugRecord[], since: Date): void {
    this.#oldest = page.at(-1) ?? this.#oldest;
    this.#hasOlder = page.length === pageSize;
    const complete = this.#hasOlder && this.#oldest ? this.#oldest.at : since;
    this.timeline.completeSince = complete.getTime();
    this.timeline.add(page.reverse().map(toldOf));
  }

  /** Watches at this level from now on. `silent` ends the lease. */
  follow(level: DebugLevel): Promise<void> {
    this.level.value = level;
    this.#last = this.#last.then(() => this.#follow(level));
    return this.#last;
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#last;
    await this.#watch?.stop();
  }

  async #follow(level: DebugLevel): Promise<void> {
    if (this.#ended) return;
    this.problem.value = null;
    if (level === "silent") {
      this.listensTo.value = null;
      await this.#watch?.stop();
      this.#watch = null;
      return;
    }
    if (this.#watch) {
      const { error } = await this.#watch.change({ level });
      if (error) this.problem.value = error.message;
      return;
    }
    const onError = (error: unknown) => {
      this.problem.value = error instanceof Error ? error.message : String(error);
    };
    const agent = this.#agent ? { agent: this.#agent } : {};
    const options = { level, onError, since: new Date(Date.now() - overlapMs), ...agent };
    const { data, error } = await this.#mayfly.debug.watch(options, (record) => {
      this.timeline.add([toldOf(record)]);
    });
    this.#watch = data;
    if (error) {
      this.problem.value = [error.message, error.hint].filter(Boolean).join(" ");
      this.level.value = "silent";
      return;
    }
    this.listensTo.value = data.agents;
    if (this.#ended) await data.stop();
  }
}
