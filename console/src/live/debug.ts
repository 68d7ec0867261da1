import type { DebugLevel, DebugRecord, DebugWatch, Mayfly } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { type Instant, Timeline } from "./timeline.ts";

/** A record of an agent's debug stream, as the page has it. */
export interface Told extends Instant, Omit<DebugRecord, "at"> {}

const kept = 10_000;
/** What is told while the watch is being opened is read where it is kept. */
const overlapMs = 60_000;

const toldOf = (record: DebugRecord): Told => ({
  ...record,
  key: record.id,
  at: record.at.getTime(),
});

/**
 * The debug records of one agent or of all: what was kept, then what is told live while a level is
 * leased. Agents are silent unless somebody watches: so nothing is leased before a level is chosen.
 */
export class DebugRecords {
  readonly timeline = new Timeline<Told>(kept);
  readonly problem = signal<string | null>(null);
  readonly level = signal<DebugLevel>("silent");
  /** To how many agents it listens by now; null while nothing is leased. */
  readonly listensTo = signal<number | null>(null);
  readonly #mayfly: Mayfly;
  readonly #agent: string | undefined;
  #watch: DebugWatch | null = null;
  /** One after the other: a watch that is being opened can be changed only when it is there. */
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(mayfly: Mayfly, agent?: string) {
    this.#mayfly = mayfly;
    this.#agent = agent;
  }

  /** What the tenant has kept since then; no agent is asked to tell anything. */
  async readKept(since: Date): Promise<void> {
    const agent = this.#agent ? { agent: this.#agent } : {};
    const { data } = await this.#mayfly.debug.list({ since, limit: 1_000, ...agent });
    this.timeline.add((data ?? []).reverse().map(toldOf));
  }

  /** Watches at this level from now on; `silent` ends the lease. */
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
