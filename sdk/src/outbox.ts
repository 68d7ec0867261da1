import type { MayflyError } from "./errors.ts";
import type { Operation } from "./schemas.ts";

/** An operation that the server refused, with its reason. */
export interface DeadLetter {
  operation: Operation;
  error: MayflyError;
}

/** As many operations a push as may carry a vector. */
const batchSize = 100;
/** Well under the 4 MB that a push may have: the function adds a vector to each, 2 KB. */
const batchBytes = 2_000_000;

/** What was learned and not yet acknowledged, in order. One bad operation never blocks the rest. */
export class Outbox {
  readonly #waiting: Operation[] = [];
  readonly deadLetters: DeadLetter[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  add(operation: Operation): void {
    this.#waiting.push(operation);
  }

  /** The oldest operations that go into one push. They stay until they are settled. */
  nextBatch(): Operation[] {
    let bytes = 0;
    let count = 0;
    for (const operation of this.#waiting) {
      bytes += JSON.stringify(operation).length;
      if (count > 0 && (count === batchSize || bytes > batchBytes)) break;
      count++;
    }
    return this.#waiting.slice(0, count);
  }

  /** The server has these: they are out. */
  acknowledge(batch: Operation[]): void {
    this.#remove(new Set(batch));
  }

  /** The server will never take this one. */
  bury(operation: Operation, error: MayflyError): void {
    this.#remove(new Set([operation]));
    this.deadLetters.push({ operation, error });
  }

  #remove(settled: Set<Operation>): void {
    const rest = this.#waiting.filter((operation) => !settled.has(operation));
    this.#waiting.splice(0, this.#waiting.length, ...rest);
  }
}
