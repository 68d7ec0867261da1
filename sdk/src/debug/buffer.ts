import type { DebugRow } from "../contract/debug.ts";

/** A waiting record, with its size as JSON. */
interface Waiting {
  row: DebugRow;
  bytes: number;
}

/** A batch. Numbers in the stream start at 0. */
export interface Taken {
  records: DebugRow[];
  first: number;
  /** How many records were dropped between the last batch and the first record of this one. */
  dropped: number;
}

/** The newest records that have not been sent, within limits. The oldest are dropped and counted. */
export class DebugBuffer {
  /** How many records were dropped and never arrived. */
  dropped = 0;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** The number of the first waiting record. */
  #first = 0;
  /** How many were dropped since the last batch. */
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

  /** Takes the oldest waiting records, as many as fit. They stay until `done`. */
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

  /**
   * Call this when the batch has arrived or is given up. While the batch was being sent, the buffer may have
   * dropped records of the batch, or later ones.
   */
  done({ records, first, dropped }: Taken, arrived = true): void {
    const end = first + records.length;
    const left = Math.max(0, end - this.#first);
    for (const { bytes } of this.#waiting.splice(0, left)) this.#bytes -= bytes;
    // Records that were dropped while their batch was being sent have still arrived.
    const droppedOfIt = Math.min(Math.max(0, this.#first - first), records.length);
    this.#missing = Math.max(0, this.#missing - dropped - droppedOfIt);
    if (arrived) this.dropped -= droppedOfIt;
    this.#first += left;
  }

  /** Drops everything, because nobody wants it. */
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
