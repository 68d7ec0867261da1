/** The interface through which our queue and every opponent are measured. */

import type { Backend } from "#harness/backend";

/** What a handler can do, if the opponent supports it. */
export interface Doing {
  /** Records a step without a result, once. */
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
  /** Configurations of workers, the default first. */
  ways: string[];
  /** The most workers in one process, if there is a limit. */
  most?: number;
  /** Starts workers with this many jobs at once. Returns a function that stops them. */
  start(
    workers: number,
    concurrency: number,
    handle: Handle,
    way: string,
  ): Promise<() => Promise<void>>;
  /** For a queue that starts all available jobs at once: waits until their results are recorded. */
  settle?(): Promise<void>;
  /** Adds jobs in the queue's own way of adding many. */
  addMany(inputs: Input[]): Promise<void>;
  addOne(input: Input): Promise<void>;
  close(): Promise<void>;
}

/** One connection that claims and completes jobs. */
export interface Doer {
  backend: Backend;
  add(count: number): Promise<void>;
  /** Claims and completes this many, and returns how many there were. */
  turn(size: number): Promise<number>;
}

/** Waits until this is true. It looks rarely, so that it does not disturb the handlers. */
export async function until(isSo: () => boolean, what: string, ms = 120_000): Promise<void> {
  const began = performance.now();
  while (!isSo()) {
    if (performance.now() - began > ms) throw new Error(`${what}: it took over ${ms} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
