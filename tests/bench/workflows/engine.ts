/** What the workflows of this benchmark do, on whatever engine. */
export interface Ctx {
  step(name: string, work: () => unknown): Promise<unknown>;
  /** Waits for the one signal that its run gets. */
  wait(): Promise<unknown>;
  /** Runs this many children, each a workflow that gives its number, and gives the sum of them. */
  children(count: number): Promise<number>;
}
export type Program = (input: RunInput, ctx: Ctx) => Promise<void>;
export interface RunInput {
  id: string;
  kind: string;
  count: number;
}

/** An engine with one worker beside the database, for whose runs the programs by `kind` are done. */
export interface Engine {
  name: string;
  start(input: RunInput): Promise<void>;
  signal(id: string): Promise<void>;
  close(): Promise<void>;
}

/** How many runs and children are under way at once. */
export const concurrency = 20;
