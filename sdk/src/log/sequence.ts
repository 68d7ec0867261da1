import type { MayflyError, Result } from "../contract/errors.ts";
import type { Reader, Source } from "../link/attendance.ts";
import type { Link } from "../link/link.ts";
import { Backoff, passes } from "../link/retry.ts";
import { Pace } from "./pace.ts";

/** A row of a sequence. */
interface Numbered {
  seq: number;
}

/** What is numbered without a gap: an inbox, or a channel. */
export interface SequenceSource<Row extends Numbered> {
  /** What it is, as the server numbers it. */
  readonly source: Source;
  /** A page of what is behind a number. */
  fetch(after: number): Promise<Result<SequencePage<Row>>>;
  /** Whether a live message is for this reader. */
  isOurs(row: Record<string, unknown>): boolean;
  /** Takes one, each once, in their order. */
  take(row: Row): void;
  /** Waits until more can be taken. */
  ready(): Promise<void>;
  onError(error: MayflyError): void;
}

export interface SequencePage<Row extends Numbered> {
  messages: Row[];
  /** The number that was looked at last. */
  upTo: number;
  more: boolean;
  /** Something that was heard is not visible yet: it is pulled again soon. */
  late?: boolean;
}

const pollMs = 5_000;
/** More than this many waiting to be handled are not taken live: a pull brings them when there is room. */
const holdAtMost = 1_000;

/**
 * Reads a sequence without a gap: a live message that is the next is taken at once, otherwise it pulls;
 * also when the connection comes back, and every 30 s whatever comes.
 */
export class SequenceReader<Row extends Numbered> {
  /** When it is over: null after `stop()`, else the error that ended it. */
  readonly ended: Promise<MayflyError | null>;
  readonly #link: Link;
  readonly #source: SequenceSource<Row>;
  readonly #pace = new Pace(pollMs, 0);
  #at: number;
  /** The greatest number that was broadcast: a pull that does not reach it came too early. */
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

  /** The number that was taken last. */
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
        // What came before was not heard.
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
    // Not: seq <= at. What is no number is nothing that was missed.
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
      // Live ones may have come meanwhile.
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
