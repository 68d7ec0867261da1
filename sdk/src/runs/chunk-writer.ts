import type { MayflyError } from "../contract/errors.ts";
import { appended } from "./answers.ts";
import type { RunDoor } from "./door.ts";

/** Chunks are written together at this interval. */
const flushMs = 50;
/** A model that is faster than the database waits, so that no more than this is held. */
const maxHeld = 2_000;
const maxBytes = 500_000;

/** Writes the stream of a run as rows: batches of what came within 50 ms, in order, each once. */
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
   * Writes what is held, and tells listeners at once.
   *
   * @throws as `add` does.
   */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write(true);
    if (this.#failure) throw this.#failure;
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
    while (this.#held.length > 0 && !this.#failure) {
      const part: string[] = [];
      for (let bytes = 0; this.#held.length > 0; ) {
        bytes += this.#held[0]?.length ?? 0;
        if (part.length > 0 && bytes > maxBytes) break;
        part.push(this.#held.shift() ?? "");
      }
      const values = { after: this.#last, chunks: `[${part.join()}]`, size: part.length, tell };
      const answer = await this.#door.write("append_run_chunks", values, appended);
      if (answer.error) this.#failure = answer.error;
      else this.#last = answer.data.last;
    }
  }
}
