/** What ours and every opponent can do, and each is measured by. */

import type { Backend } from "#harness/backend";

/** What a handler can do, where the opponent has it. */
export interface Doing {
  /** Records a step of no content, once. */
  step?(name: string): Promise<void>;
}

export type Handle = (input: Input, doing: Doing) => void | Promise<void>;

export interface Input {
  n: number;
  /** When it was added, by `performance.now()`. */
  at?: number;
}

export interface Queue {
  name: string;
  /** How workers can be set up, the default first. */
  ways: string[];
  /** How many workers there can be in one process, where that is not any number. */
  most?: number;
  /** Starts workers of so many jobs at once; gives what stops them. */
  start(
    workers: number,
    concurrency: number,
    handle: Handle,
    way: string,
  ): Promise<() => Promise<void>>;
  /** Waits until what handlers have returned is recorded, where it begins as many as there are. */
  settle?(): Promise<void>;
  /** Adds jobs by its way of adding many. */
  addMany(inputs: Input[]): Promise<void>;
  addOne(input: Input): Promise<void>;
  close(): Promise<void>;
}

/** One connection that does jobs. */
export interface Doer {
  backend: Backend;
  add(count: number): Promise<void>;
  /** Claims and completes so many, and says how many there were. */
  turn(size: number): Promise<number>;
}

/** Waits for what handlers count, looking as seldom as it does no harm. */
export async function until(isSo: () => boolean, what: string, ms = 120_000): Promise<void> {
  const began = performance.now();
  while (!isSo()) {
    if (performance.now() - began > ms) throw new Error(`${what}: it took over ${ms} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
