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
  /** Starts with stored records since this time, if the tenant stores debug records. */
  since?: Date;
  /** Called with errors that are retried or skipped: too many agents, a topic that cannot be joined, or a handler that threw. */
  onError?: (error: unknown) => void;
}

/** Called with each record, in the order of each agent. */
export type DebugHandler = (record: DebugRecord) => void;

/** A running watch of debug streams. */
export interface DebugWatch {
  /** How many agents it watches. */
  readonly agents: number;
  /**
   * Changes the level or the categories from now on. Running agents follow at once. If the change is refused,
   * nothing changes.
   */
  change(options: Pick<DebugWatchOptions, "level" | "categories">): Promise<Result<null>>;
  /** Releases the lease and leaves. Agents that nobody else watches go silent. */
  stop(): Promise<void>;
}
