import type { LogEvent } from "../contract/log.ts";
import type { Memory } from "../contract/memory-rows.ts";

/** What happened, in the order of the log. */
export interface WatchBatch {
  /** At least one, but in a snapshot. */
  events: LogEvent[];
  /** The memories that the events are about, as they are now; in a snapshot, a page of all. */
  memories: Memory[];
  /**
   * Whether this is a page of the memories that there are, not of the log: with `since: null`, and
   * when the log since the cursor is gone (`cursor_expired`), so that you can rebuild your view. For a
   * watch whose types leave memories out, one without them says so.
   */
  snapshot: boolean;
  /** Where the log goes on behind this batch: to be kept with what was done about it. */
  cursor: string;
  /** From 1. Above it some of this batch may have been handled before: its handler or process failed. */
  attempt: number;
}

/** Awaited before the next batch comes. One that throws is called again with the same batch. */
export type WatchHandler = (batch: WatchBatch) => void | Promise<void>;

/** How far a watch has come. */
export interface WatchState {
  cursor: string | null;
  /** How often the batch behind the cursor was handed over. */
  attempt: number;
}

/** Keeps how far a watch has come across restarts. */
export interface WatchStore {
  /** What was saved last; null the first time. */
  load(): Promise<WatchState | null>;
  /** Keeps it: what it has resolved for is what a restart loads. */
  save(state: WatchState): Promise<void>;
}

/** What to watch of the log, and from where. */
export interface WatchOptions {
  /** As `agent.stopped` or `memory.*`; all by default. */
  types?: string[];
  /**
   * Start behind this cursor; null: with all memories, then the log. Without it where `store` has
   * left off, and else from now on.
   */
  since?: string | null;
  /** Loaded at the start, saved before and after each batch. */
  store?: WatchStore;
  /** Events, or memories of a snapshot, a page: 1 to 1,000, 500 by default. No more are held. */
  limit?: number;
  /** Milliseconds between pulls while Realtime cannot be reached; 5,000 by default. */
  pollMs?: number;
  /** Told what goes wrong and is tried again: a pull, the handler, the store. */
  onError?: (error: unknown) => void;
}

/** As a room of ours watches: with the versions of the states that events tell of. */
export interface RoomWatchOptions extends WatchOptions {
  states?: boolean | string[];
}

export interface RoomBatch extends WatchBatch {
  states: unknown[];
}
