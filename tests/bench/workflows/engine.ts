/** What a program of this benchmark can do in any engine. */
export interface Ctx {
  step(name: string, work: () => unknown): Promise<unknown>;
  /** Waits for the only signal that the run gets. */
  wait(): Promise<unknown>;
  /** Runs `count` children, which are workflows that return their number. Returns the sum of these numbers. */
  children(count: number): Promise<number>;
}
export type Program = (input: RunInput, ctx: Ctx) => Promise<void>;
export interface RunInput {
  id: string;
  kind: string;
  count: number;
}

/**
 * An engine with one worker next to the database. The `kind` of a run says which program the worker executes.
 */
export interface Engine {
  name: string;
  start(input: RunInput): Promise<void>;
  signal(id: string): Promise<void>;
  close(): Promise<void>;
}

/** How many runs, including children, an engine executes at once. */
export const concurrency = 20;
