import type { LogEvent } from "../contract/log.ts";
import type { Memory } from "../contract/memory-rows.ts";

/** Events in the order of the log. */
export interface WatchBatch {
  /** At least one event, except in a snapshot. */
  events: LogEvent[];
  /** The memories that the events are about, as they are now. In a snapshot, a page of all memories. */
  memories: Memory[];
  /**
   * Whether this is a page of existing memories instead of events. That is so with `since: null`, and when
   * the log after the cursor is gone (`cursor_expired`), so that you can rebuild your view. If the types of
   * a watch exclude memories, the snapshot is empty, and only tells you that there may be a gap.
   */
  snapshot: boolean;
  /** Where the log continues after this batch. Store it together with what you wrote. */
  cursor: string;
  /**
   * Starts at 1. Above 1, part of this batch may have been handled before, because its handler or process
   * failed.
   */
  attempt: number;
}

/** Awaited before the next batch. If it throws, it is called again with the same batch. */
export type WatchHandler = (batch: WatchBatch) => void | Promise<void>;

/** How far a watch has come. */
export interface WatchState {
  cursor: string | null;
  /** How often the batch after the cursor was delivered. */
  attempt: number;
}

/** Stores how far a watch has come, across restarts. */
export interface WatchStore {
  /** Returns the last saved state. Null the first time. */
  load(): Promise<WatchState | null>;
  /** Saves the state. After a restart, `load` must return the last saved state. */
  save(state: WatchState): Promise<void>;
}

/** What to watch in the log, and from where. */
export interface WatchOptions {
  /** Types of events, such as `agent.stopped` or `memory.*`. All by default. */
  types?: string[];
  /**
   * Starts after this cursor. If null, all memories come first, then the log. By default it continues where
   * `store` left off, or starts from now on.
   */
  since?: string | null;
  /** Loaded at the start, and saved before and after each batch. */
  store?: WatchStore;
  /**
   * How many events, or memories of a snapshot, a page has: 1 to 1,000, 500 by default. No more
   * than one page is held in memory.
   */
  limit?: number;
  /** Milliseconds between pulls while Realtime cannot be reached; 5,000 by default. */
  pollMs?: number;
  /**
   * Use this for a screen that a person looks at. After a nudge, the watch pulls at this interval (in
   * milliseconds, at least 50), until two pulls in a row find nothing. This costs pulls, but no broadcasts.
   * Without it, events within a second of a nudge arrive at the end of that second.
   */
  followMs?: number;
  /** Called with each error of a pull, the handler or the store. The watch then tries again. */
  onError?: (error: unknown) => void;
}

/** For other parts of the SDK: includes the versions of states in the events. */
export interface RoomWatchOptions extends WatchOptions {
  states?: boolean | string[];
}

export interface RoomBatch extends WatchBatch {
  states: unknown[];
}
