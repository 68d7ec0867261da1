import type { DebugCategory, DebugLevel } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";
import type { DebugRecord } from "./record.ts";

/** Which records to watch, from which agents. */
export interface DebugWatchOptions {
  /** One agent. By default all living agents, including new ones. */
  agent?: string;
  /** Up to this level. 2 (detailed) by default. */
  level?: DebugLevel;
  /** Only these categories. */
  categories?: DebugCategory[];
  /** If the tenant stores debug records, starts with those since this time. */
  since?: Date;
  /**
   * Called with errors after which the watch continues: there are too many agents, a topic cannot be
   * joined, or a handler threw.
   */
  onError?: (error: unknown) => void;
}

/** Called with each record. The records of one agent come in order. */
export type DebugHandler = (record: DebugRecord) => void;

/** A running watch of debug streams. */
export interface DebugWatch {
  /** How many agents it watches. */
  readonly agents: number;
  /**
   * Changes the level or the categories from now on. Running agents change their level at once. If the
   * change is refused, nothing changes.
   */
  change(options: Pick<DebugWatchOptions, "level" | "categories">): Promise<Result<null>>;
  /** Stops watching, and releases the lease. Agents that nobody else watches stop sending. */
  stop(): Promise<void>;
}
