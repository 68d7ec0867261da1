import type { MayflyError } from "@mayfly/sdk";
import { signal } from "@preact/signals";
import { type Told, toldOf } from "./debug.ts";
import { type Happening, happeningOf } from "./events.ts";
import type { Space } from "./space.ts";
import { type Instant, Timeline } from "./timeline.ts";

/** From `since`, and before `until`. */
export interface Times {
  since?: Date;
  until?: Date;
}

const kept = 20_000;
const pageSize = 1_000;
/** How many pages of events are read at first, and each time the person asks for older ones. */
const pagesAtOnce = 3;

/**
 * The events and the stored debug records of a span of time, from its end backwards. How many are
 * read at a time is limited, so the person asks for more.
 */
export class Span {
  readonly events = new Timeline<Happening>(kept);
  readonly records = new Timeline<Told>(kept);
  /** `reads` while an answer is awaited. `hasOlder` if the span has more than what was read. */
  readonly state = signal({ reads: true, hasOlder: false });
  readonly times: Times;
  readonly #space: Space;
  /** The cursor for older events. Null if there are none in the span. */
  #after: string | null | undefined;
  #hasOlderRecords = false;
  #oldest: Parameters<typeof toldOf>[0] | undefined;

  constructor(space: Space, times: Times) {
    this.#space = space;
    this.times = times;
  }

  /** Reads the next older part of the span. */
  async read(): Promise<MayflyError | null> {
    this.state.value = { reads: true, hasOlder: false };
    const error = (await this.#readEvents()) ?? (await this.#readRecords());
    const hasOlder = this.#after !== null || this.#hasOlderRecords;
    const isFull = this.events.items.length >= kept || this.records.items.length >= kept;
    this.state.value = { reads: false, hasOlder: hasOlder && !isFull };
    return error;
  }

  /**
   * The items of a timeline of the span, together with those items of another timeline that are in the
   * span.
   */
  united<T extends Instant>(own: readonly T[], others: readonly T[]): T[] {
    const known = new Set(own.map(({ key }) => key));
    const more = others.filter((item) => this.#contains(item) && !known.has(item.key));
    return [...own, ...more].sort((one, other) => one.at - other.at);
  }

  #contains({ at }: Instant): boolean {
    const { since, until } = this.times;
    return (!since || at >= since.getTime()) && (!until || at < until.getTime());
  }

  async #readEvents(): Promise<MayflyError | null> {
    for (let page = 0; page < pagesAtOnce && this.#after !== null; page++) {
      const more = this.#after === undefined ? {} : { after: this.#after };
      const options = { ...this.times, ...more, limit: pageSize };
      const { data, error } = await this.#space.mayfly.log.list(options);
      if (error) return error;
      this.#after = data.after;
      this.#space.learn(this.events.add(data.events.reverse().map(happeningOf)));
    }
    return null;
  }

  /** Reads records as far back as the events. */
  async #readRecords(): Promise<MayflyError | null> {
    if (!this.#space.may("debug:read")) return null;
    const oldest = this.events.items[0];
    const since = this.#after === null || !oldest ? this.times.since : new Date(oldest.at);
    const { data, error } = await this.#space.mayfly.debug.list({
      ...this.times,
      ...(since && { since }),
      ...(this.#oldest && { before: this.#oldest }),
      limit: pageSize,
    });
    if (error) return error;
    this.#hasOlderRecords = data.length === pageSize;
    this.#oldest = data.at(-1) ?? this.#oldest;
    this.records.add(data.reverse().map(toldOf));
    return null;
  }
}
