import type { DebugRow } from "../contract/debug.ts";

/** A record that waits, with its size as JSON. */
interface Waiting {
  row: DebugRow;
  bytes: number;
}

/** What is taken together: places in the stream are counted from 0. */
export interface Taken {
  records: DebugRow[];
  first: number;
  /** How many were dropped before the first, since the last that was taken. */
  dropped: number;
}

/** The newest records that have not been sent, within bounds; the oldest make room, and are counted. */
export class DebugBuffer {
  /** Records that made room and have not arrived, ever. */
  dropped = 0;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** The place of the first that waits. */
  #first = 0;
  /** Dropped since the last batch. */
  #missing = 0;

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(row: DebugRow, bytes: number): void {
    this.#waiting.push({ row, bytes });
    this.#bytes += bytes;
    let gone = 0;
    while (
      this.#waiting.length - gone > this.#maxRecords ||
      (this.#bytes > this.#maxBytes && gone < this.#waiting.length - 1)
    ) {
      this.#bytes -= this.#waiting[gone]?.bytes ?? 0;
      gone++;
    }
    if (gone > 0) this.#drop(gone);
  }

  /** The oldest that wait, as many as fit; they stay until `done`. */
  peek(maxRecords: number, maxBytes: number): Taken | null {
    let bytes = 0;
    const records: DebugRow[] = [];
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (records.length === maxRecords || (records.length > 0 && bytes > maxBytes)) break;
      records.push(waiting.row);
    }
    return records.length > 0 ? { records, first: this.#first, dropped: this.#missing } : null;
  }

  /** What was taken has arrived, or is let go. More may have been dropped meanwhile, of it or behind it. */
  done({ records, first, dropped }: Taken, arrived = true): void {
    const end = first + records.length;
    const left = Math.max(0, end - this.#first);
    for (const { bytes } of this.#waiting.splice(0, left)) this.#bytes -= bytes;
    // What was dropped of the batch while it was on its way has arrived all the same.
    const droppedOfIt = Math.min(Math.max(0, this.#first - first), records.length);
    this.#missing = Math.max(0, this.#missing - dropped - droppedOfIt);
    if (arrived) this.dropped -= droppedOfIt;
    this.#first += left;
  }

  /** Lets go of all: nobody wants them. */
  clear(): void {
    this.#first += this.#waiting.length;
    this.#waiting = [];
    this.#bytes = 0;
    this.#missing = 0;
  }

  #drop(count: number): void {
    this.#waiting.splice(0, count);
    this.#first += count;
    this.#missing += count;
    this.dropped += count;
  }
}
