import type { MayflyError, Result } from "../contract/errors.ts";
import type { Reader, Source } from "../link/attendance.ts";
import type { Link } from "../link/link.ts";
import { Backoff, passes } from "../link/retry.ts";
import { Pace } from "./pull-timing.ts";

/** A row of a sequence. */
interface Numbered {
  seq: number;
}

/** Something that is numbered without gaps: an inbox or a channel. */
export interface SequenceSource<Row extends Numbered> {
  /** Which inbox or channel this is. */
  readonly source: Source;
  /** Reads a page of the rows after a number. */
  fetch(after: number): Promise<Result<SequencePage<Row>>>;
  /** Whether a live message is for this reader. */
  isOurs(row: Record<string, unknown>): boolean;
  /** Called once with each row, in order. */
  take(row: Row): void;
  /** Waits until there is room for more. */
  ready(): Promise<void>;
  onError(error: MayflyError): void;
}

export interface SequencePage<Row extends Numbered> {
  messages: Row[];
  /** The last number that was looked at. */
  upTo: number;
  more: boolean;
  /** Whether something that was broadcast is not visible yet. The reader then pulls again soon. */
  late?: boolean;
}

const pollMs = 5_000;
/**
 * If more than this many rows wait to be handled, live rows are not taken. A pull fetches them when
 * there is room.
 */
const holdAtMost = 1_000;

/**
 * Reads a sequence without gaps. It takes a live message at once if it is the next one, and otherwise pulls.
 * It also pulls when the connection is back, and every 30 s in any case.
 */
export class SequenceReader<Row extends Numbered> {
  /** Resolves when it has ended: to null after `stop()`, otherwise to the error. */
  readonly ended: Promise<MayflyError | null>;
  readonly #link: Link;
  readonly #source: SequenceSource<Row>;
  readonly #pace = new Pace(pollMs, 0);
  #at: number;
  /**
   * The highest number that was broadcast. If a pull does not reach it, the pull came too early.
   */
  #heard = 0;
  #held = 0;
  #stopped = false;
  #leave: () => Promise<void> = () => Promise.resolve();

  constructor(link: Link, topic: string, after: number, source: SequenceSource<Row>) {
    this.#link = link;
    this.#source = source;
    this.#at = after;
    this.ended = this.#run(topic);
  }

  /** The last number that was taken. */
  get at(): number {
    return this.#at;
  }

  /** Pulls now. */
  nudge(): void {
    this.#pace.onNudge();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pace.end();
    await this.#leave();
  }

  async #run(topic: string): Promise<MayflyError | null> {
    let heard = 0;
    let joinedAt: number | undefined;
    const at = () => this.#at;
    const reader: Reader = {
      source: this.#source.source,
      get at() {
        return at();
      },
      get heard() {
        return heard;
      },
      get joinedAt() {
        return joinedAt;
      },
      pull: () => this.#pace.ask(),
      losing: (error) => {
        this.#pace.losing(error !== null);
        if (error) this.#source.onError(error);
      },
    };
    const unlisten = this.#link.attendance.add(reader);
    const joined = this.#link.topics.join(topic, {
      onMessage: (event, payload) => {
        if (event !== "message") return;
        heard++;
        this.#hear(payload);
      },
      onJoined: (joined) => {
        joinedAt = joined ? performance.now() : undefined;
        this.#pace.onJoined(joined);
        // Earlier broadcasts were missed.
        if (joined) this.nudge();
      },
      onError: (error) => this.#source.onError(error),
    });
    this.#leave = () => joined.leave();
    const error = await this.#follow();
    unlisten();
    await this.stop();
    return error;
  }

  #hear(payload: Record<string, unknown>): void {
    const seq = Number(payload.seq);
    // This also ignores a value that is not a number. `seq <= at` would not.
    if (this.#stopped || !(seq > this.#at)) return;
    this.#heard = Math.max(this.#heard, seq);
    const whole = typeof payload.type === "string" && this.#source.isOurs(payload);
    if (whole && seq === this.#at + 1 && this.#held < holdAtMost) {
      this.#take(payload as unknown as Row);
      this.#at = seq;
    } else this.nudge();
  }

  async #follow(): Promise<MayflyError | null> {
    const backoff = new Backoff();
    while (!this.#stopped) {
      await this.#source.ready();
      this.#held = 0;
      if (this.#stopped) break;
      this.#pace.pulls();
      const { data, error } = await this.#source.fetch(this.#at);
      if (this.#stopped) break;
      if (error) {
        if (!passes(error)) return error;
        this.#source.onError(error);
        await this.#pace.sleep(backoff.next(error) ?? 0);
        continue;
      }
      backoff.reset();
      // Live rows may have arrived meanwhile.
      for (const row of data.messages) if (row.seq > this.#at) this.#take(row);
      this.#at = Math.max(this.#at, data.upTo);
      this.#pace.pulled(data.more || (this.#at >= this.#heard && !data.late));
      if (!data.more) await this.#pace.untilDue();
    }
    return null;
  }

  #take(row: Row): void {
    this.#held++;
    this.#source.take(row);
  }
}
