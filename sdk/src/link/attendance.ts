import { z } from "zod";
import { count, maybeCount, row, text } from "../contract/answer-form.ts";
import { MayflyError, type Result } from "../contract/errors.ts";

/** The newest number of each sequence that a connection reads. */
export interface Newest {
  log: number | null;
  inbox: number | null;
  channels: Record<string, number>;
}
export const newest = row<Newest>({
  log: maybeCount,
  inbox: maybeCount,
  channels: z.record(text, count),
});

/** Which sequence a reader reads. The server numbers the entries of each. */
export type Source = { of: "log" } | { of: "inbox" } | { of: "channel"; name: string };

/** A reader of something that is numbered and broadcast. */
export interface Reader {
  readonly source: Source;
  /** The highest number that the reader has. */
  readonly at: number;
  /** How many broadcasts the reader has received. */
  readonly heard: number;
  /**
   * The time (`performance.now()`) since which broadcasts have reached the reader without a break.
   * Undefined while broadcasts do not reach the reader.
   */
  readonly joinedAt: number | undefined;
  /** Called when there are entries up to this number. The reader should pull them. */
  pull(upTo: number): void;
  /**
   * Called with an error when broadcasts begin to be lost, and with null when they arrive again.
   * Until then, the reader polls every second.
   */
  losing(error: MayflyError | null): void;
}

/** What a beat sends. A beat is a call that tells the server what this connection reads. */
export interface Beat {
  log: boolean;
  channels: string[];
  /** How often losses were noticed since the last beat. */
  lost: number;
}

const beatMs = 30_000;
/** The time between beats while broadcasts are being lost. */
const losingBeatMs = 5_000;
/**
 * After this long without a loss, broadcasts count as arriving again. Realtime measures its rate over a
 * minute.
 */
const calmMs = 60_000;
/** How late a broadcast may be. The database sends waiting broadcasts together, within a second. */
const graceMs = 2_500;
/** How long to wait before a beat, so that readers that start together need only one. */
const gatherMs = 10;
const maxChannels = 100;

/**
 * Tells the server what a connection reads, so that the server broadcasts it. The server answers with the
 * newest numbers. If a reader did not receive the broadcast of a number in time, the broadcast was lost:
 * Realtime drops broadcasts silently when the project exceeds its rate. Until broadcasts arrive again,
 * readers poll every second.
 */
export class Attendance {
  readonly #readers = new Set<Reader>();
  /**
   * How many broadcasts each reader had received at the last beat, and the newest number at that
   * time.
   */
  readonly #before = new Map<Reader, { heard: number; newest: number }>();
  #beat: () => Promise<Result<Newest>>;
  /** Whether to beat even if nothing is read, as an agent does. */
  #always = false;
  #beatAt = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #losingUntil = Number.NEGATIVE_INFINITY;
  #error: MayflyError | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Timers for readers whose broadcast may only be late. */
  readonly #doubts = new Set<ReturnType<typeof setTimeout>>();
  #beating = false;
  #ended = false;

  /** @param listen tells the server what is read. Used for a caller that has no heartbeat. */
  constructor(listen: (beat: Beat) => Promise<Result<Newest>>) {
    this.#beat = () => listen(this.next());
  }

  /** Beats with this call from now on, whether or not anything is read. */
  begin(beat: () => Promise<Result<Newest>>): void {
    this.#beat = beat;
    this.#always = true;
    this.#plan(beatMs);
  }

  /** @returns a function that stops listening. */
  add(reader: Reader): () => void {
    this.#readers.add(reader);
    if (this.#error) reader.losing(this.#error);
    this.#plan(gatherMs);
    return () => {
      this.#readers.delete(reader);
      this.#before.delete(reader);
    };
  }

  /** What the next beat sends. */
  next(): Beat {
    const sources = [...this.#readers].map(({ source }) => source);
    const names = sources.flatMap((source) => (source.of === "channel" ? [source.name] : []));
    const lost = this.#lost;
    this.#lost = 0;
    return {
      log: sources.some(({ of }) => of === "log"),
      channels: [...new Set(names)].slice(0, maxChannels),
      lost,
    };
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const doubt of this.#doubts) clearTimeout(doubt);
    this.#doubts.clear();
    this.#readers.clear();
  }

  #plan(ms: number): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#say(), ms);
    // In Node, a heartbeat does not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #say(): Promise<void> {
    if (this.#beating || (!this.#always && this.#readers.size === 0)) return;
    this.#beating = true;
    const readers = this.#readers.size;
    const { error } = await this.#beat().then(
      (answer) => {
        if (!answer.error) this.hears(answer.data);
        return answer;
      },
      (error: unknown) => ({ error }),
    );
    this.#beating = false;
    // A reader that was added during the call has no lease yet.
    const missed = this.#readers.size > readers;
    const pause = this.#error || error ? losingBeatMs : beatMs;
    this.#plan(missed ? gatherMs : pause);
  }

  /** Handles the answer to a beat: the newest numbers. */
  hears(newest: Newest): void {
    if (this.#ended) return;
    const now = performance.now();
    const last = this.#beatAt;
    this.#beatAt = now;
    for (const reader of this.#readers) {
      const number = numberOf(newest, reader.source);
      if (number === null) continue;
      const before = this.#before.get(reader);
      const { heard, joinedAt } = reader;
      this.#before.set(reader, { heard, newest: number });
      // Judge only a reader that had a lease and received broadcasts during the whole time between
      // two beats.
      const judged = before && joinedAt !== undefined && joinedAt < last;
      const fresh = number > (before?.newest ?? Number.NEGATIVE_INFINITY);
      const behind = number > reader.at;
      if (behind || !before) reader.pull(number);
      if (!judged || !fresh) continue;
      // A reader that polls every second has everything, so only the count of received broadcasts shows
      // whether broadcasts arrive again.
      if (this.#error) this.#doubt(reader, before.heard);
      else if (behind) this.#doubt(reader, heard);
    }
    if (this.#error && now > this.#losingUntil) this.#arrives();
  }

  /** Counts a broadcast as lost only if it is still missing after a while, because it may only be late. */
  #doubt(reader: Reader, heard: number): void {
    const timer = setTimeout(() => {
      this.#doubts.delete(timer);
      if (this.#readers.has(reader) && reader.heard === heard && reader.joinedAt !== undefined)
        this.#loses();
    }, graceMs);
    this.#doubts.add(timer);
    (timer as { unref?: () => void }).unref?.();
  }

  #loses(): void {
    this.#lost++;
    this.#losingUntil = performance.now() + calmMs;
    if (this.#error) return;
    this.#error = lostBroadcasts();
    for (const reader of this.#readers) reader.losing(this.#error);
    // Tell the server, so that `doctor` and `status` can show it.
    this.#plan(gatherMs);
  }

  #arrives(): void {
    this.#error = null;
    for (const reader of this.#readers) reader.losing(null);
  }
}

function numberOf(newest: Newest, source: Source): number | null {
  return source.of === "channel" ? (newest.channels[source.name] ?? null) : newest[source.of];
}

const lostBroadcasts = () =>
  new MayflyError({
    code: "broadcasts_lost",
    message: "Realtime dropped broadcasts, because the project sends more than its plan allows.",
    hint: "Nothing durable is lost: the SDK polls every second until broadcasts arrive again. See docs/limits.md.",
    details: null,
  });
