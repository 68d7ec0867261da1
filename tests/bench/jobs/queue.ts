/** The interface through which our queue and every opponent are measured. */

import type { Backend } from "#harness/backend";

/** What a handler can do, if the opponent supports it. */
export interface Doing {
  /** Records that the step of this name is done, without a result. */
  step?(name: string): Promise<void>;
}

export type Handle = (input: Input, doing: Doing) => void | Promise<void>;

export interface Input {
  n: number;
  /** When the job was added, by `performance.now()`. */
  at?: number;
}

export interface Queue {
  name: string;
  /** The names of the settings with which workers can start, `default` first. */
  ways: string[];
  /** How many workers one process can have at most, if there is a limit. */
  most?: number;
  /** Starts workers, each with up to `concurrency` jobs at once. Returns a function that stops the workers. */
  start(
    workers: number,
    concurrency: number,
    handle: Handle,
    way: string,
  ): Promise<() => Promise<void>>;
  /** Waits until the results of all jobs are recorded, in a queue that starts all available jobs at once. */
  settle?(): Promise<void>;
  /** Adds several jobs, in the way that the queue recommends. */
  addMany(inputs: Input[]): Promise<void>;
  addOne(input: Input): Promise<void>;
  close(): Promise<void>;
}

/** One connection that claims and completes jobs. */
export interface Doer {
  backend: Backend;
  add(count: number): Promise<void>;
  /** Claims and completes up to `size` jobs, and returns how many there were. */
  turn(size: number): Promise<number>;
}

/** Waits until `isSo` returns true. Asks only every 2 ms, so that the handlers are not disturbed. */
export async function until(isSo: () => boolean, what: string, ms = 120_000): Promise<void> {
  const began = performance.now();
  while (!isSo()) {
    if (performance.now() - began > ms) throw new Error(`${what}: it took over ${ms} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
