import type { Logger } from "../log.ts";
import { isObject, parseJson } from "./json.ts";

/** The rows of realtime.messages that a notification names, in the order of their insertion. */
export interface Inserted {
  ids: string[];
  /** The earliest and latest `inserted_at` of the rows. */
  from: string;
  to: string;
}

const maxWaiting = 10_000;
const perQuery = 500;

/** Reads inserted messages, one query at a time and in order, however fast they are announced. */
export class Inbox {
  readonly #read: (inserted: Inserted) => Promise<void>;
  readonly #log: Logger;
  readonly #waiting: Inserted[] = [];
  #waitingIds = 0;
  #reading = false;

  constructor(read: (inserted: Inserted) => Promise<void>, log: Logger) {
    this.#read = read;
    this.#log = log;
  }

  /** Takes a notification's payload. */
  announce(payload: string): void {
    const inserted = parseJson(payload) as Inserted | undefined;
    if (!isObject(inserted)) return;
    if (this.#waitingIds + inserted.ids.length > maxWaiting) {
      this.#log.warn("Database broadcasts arrive faster than they are read, so some are dropped.");
      return;
    }
    this.#waiting.push(inserted);
    this.#waitingIds += inserted.ids.length;
    if (!this.#reading) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#reading = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#read(batch);
      } catch (error) {
        this.#log.warn("Database broadcasts were lost.", { problem: String(error) });
      }
    }
    this.#reading = false;
  }

  #takeBatch(): Inserted {
    let size = 0;
    const end = this.#waiting.findIndex((one) => {
      size += one.ids.length;
      return size > perQuery;
    });
    const taken = this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
    const ids = taken.flatMap((one) => one.ids);
    this.#waitingIds -= ids.length;
    return {
      ids,
      from: taken.map((one) => one.from).sort()[0] ?? "",
      to:
        taken
          .map((one) => one.to)
          .sort()
          .at(-1) ?? "",
    };
  }
}
