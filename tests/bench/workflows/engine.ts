/** The workflows of this benchmark, for any engine. */
export interface Ctx {
  step(name: string, work: () => unknown): Promise<unknown>;
  /** Waits for the only signal of its run. */
  wait(): Promise<unknown>;
  /** Runs this many children, each a workflow that returns its number, and returns their sum. */
  children(count: number): Promise<number>;
}
export type Program = (input: RunInput, ctx: Ctx) => Promise<void>;
export interface RunInput {
  id: string;
  kind: string;
  count: number;
}

/** An engine with one worker next to the database, which runs the programs by `kind`. */
export interface Engine {
  name: string;
  start(input: RunInput): Promise<void>;
  signal(id: string): Promise<void>;
  close(): Promise<void>;
}

/** How many runs and children are under way at once. */
export const concurrency = 20;
