import type { MayflyError } from "../contract/errors.ts";
import { appended } from "./answers.ts";
import type { RunDoor } from "./door.ts";

/** Chunks are written together at this interval. */
const flushMs = 50;
/**
 * If the model is faster than the database, the model waits, so that no more chunks than this are
 * held.
 */
const maxHeld = 2_000;
/**
 * How many characters one call may have. In UTF-8, each has up to three bytes, and the database accepts a
 * megabyte.
 */
const maxLength = 300_000;

/** Chunks in the form that the database expects. */
export interface HeldChunks {
  after: number;
  chunks: string;
  size: number;
}

/**
 * Writes the stream of a run as rows. Each chunk is written once, in order, together with the
 * others of the same 50 ms.
 */
export class ChunkWriter {
  readonly #door: RunDoor;
  #last: number;
  #held: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #failure: MayflyError | undefined;

  constructor(door: RunDoor, last: number) {
    this.#door = door;
    this.#last = last;
  }

  /** @throws why earlier chunks could not be written: `lease_lost`, `job_cancelled`. */
  async add(step: number, nth: number, chunk: unknown): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#held.push(JSON.stringify([step, nth, chunk]));
    if (this.#held.length >= maxHeld) await this.flush();
    else this.#timer ??= setTimeout(() => void this.#write(false), flushMs);
  }

  /**
   * Writes the held chunks, and tells listeners at once.
   *
   * @throws like `add`.
   */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#write(true);
    if (this.#failure) throw this.#failure;
  }

  /**
   * Makes another write of the run, and passes it the chunks that are held, so that one call stores
   * both.
   *
   * @param write stores the chunks, if there are any, and returns the run.
   * @throws as `add` does, and what `write` throws.
   */
  async along<T extends { last_chunk: number }>(
    write: (chunks?: HeldChunks) => Promise<T>,
  ): Promise<T> {
    while (this.#writing) await this.#writing;
    // Chunks that are too long must not stop the write that would carry them.
    if (this.#held.reduce((sum, { length }) => sum + length, 0) > maxLength) await this.flush();
    if (this.#failure) throw this.#failure;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const part = this.#take();
    const written = write(part);
    this.#writing = written.then(
      ({ last_chunk: last }) => {
        this.#last = last;
      },
      // Callers that wait for `written` get the error, which ends the attempt.
      () => {},
    );
    const run = await written.finally(() => {
      this.#writing = undefined;
    });
    if (this.#held.length > 0) this.#timer ??= setTimeout(() => void this.#write(false), flushMs);
    return run;
  }

  #write(tell: boolean): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#send(tell).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #send(tell: boolean): Promise<void> {
    while (!this.#failure) {
      const part = this.#take();
      if (!part) return;
      const answer = await this.#door.write("append_run_chunks", { ...part, tell }, appended);
      if (answer.error) this.#failure = answer.error;
      else this.#last = answer.data.last;
    }
  }

  /** Takes as many chunks as fit into one call. */
  #take(): HeldChunks | undefined {
    const part: string[] = [];
    for (let length = 0; this.#held.length > 0; ) {
      length += this.#held[0]?.length ?? 0;
      if (part.length > 0 && length > maxLength) break;
      part.push(this.#held.shift() ?? "");
    }
    if (part.length === 0) return undefined;
    return { after: this.#last, chunks: `[${part.join()}]`, size: part.length };
  }
}
