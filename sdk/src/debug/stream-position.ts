import type { DebugBatch, DebugRow } from "../contract/debug.ts";
import { isRow } from "./record.ts";

/** How far the stream of one agent has been received. */
export class StreamPosition {
  #stream: string | undefined;
  /** The next number expected in the stream. */
  #next = 0;

  /** @param fresh whether the stream is received from its start. */
  constructor(fresh: boolean) {
    this.#stream = fresh ? "" : undefined;
  }

  /** The new records of a batch, and how many before them are missing. */
  take({ records, first, stream, dropped }: DebugBatch): { rows: DebugRow[]; missing: number } {
    if (!Array.isArray(records) || !Number.isSafeInteger(first)) return { rows: [], missing: 0 };
    // If the stream is received from the middle, the agent itself says how many records it dropped.
    let missing = Math.max(0, Number(dropped) || 0);
    if (this.#stream === stream) missing = Math.max(0, first - this.#next);
    else if (this.#stream === "") missing = first;
    else this.#next = 0;
    this.#stream = String(stream);
    // Skip records that were sent again because their acknowledgement was lost.
    const rows = records.filter((row, index) => first + index >= this.#next && isRow(row));
    this.#next = Math.max(this.#next, first + records.length);
    return { rows, missing };
  }
}
