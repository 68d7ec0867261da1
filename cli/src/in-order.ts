import type { TailRecord } from "./records.ts";

/**
 * How long a record waits for records that happened before it and arrive later. Debug records are broadcast,
 * and the log is read up to 250 ms after an event.
 */
const windowMs = 500;

interface Waiting {
  record: TailRecord;
  at: number;
  due: number;
}

/** Shows records from several sources in the order of their time. */
export class InOrder {
  readonly #show: (records: TailRecord[]) => Promise<void>;
  readonly #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #showing: Promise<void> = Promise.resolve();

  constructor(show: (records: TailRecord[]) => Promise<void>) {
    this.#show = show;
  }

  add(records: TailRecord[]): void {
    const due = performance.now() + windowMs;
    for (const record of records) {
      const at = Date.parse(record.at);
      const before = this.#waiting.findLastIndex((one) => one.at <= at);
      this.#waiting.splice(before + 1, 0, { record, at, due });
    }
    this.#plan();
  }

  /** Shows all records that still wait. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#showNext(this.#waiting.length);
    await this.#showing;
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    const next = Math.min(...this.#waiting.map(({ due }) => due));
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const now = performance.now();
        this.#showNext(this.#waiting.findLastIndex(({ due }) => due <= now) + 1);
        this.#plan();
      },
      Math.max(0, next - performance.now()),
    );
  }

  #showNext(count: number): void {
    const records = this.#waiting.splice(0, count).map(({ record }) => record);
    if (records.length > 0) this.#showing = this.#showing.then(() => this.#show(records));
  }
}
