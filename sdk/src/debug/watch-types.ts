import type { DebugCategory, DebugLevel } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";
import type { DebugRecord } from "./record.ts";

/** Which records to watch, of whom. */
export interface DebugWatchOptions {
  /** One agent; by default all that live, and those that come. */
  agent?: string;
  /** Up to this level; 2 (detailed) by default. */
  level?: DebugLevel;
  /** These categories alone. */
  categories?: DebugCategory[];
  /** First what was kept since then, where the tenant keeps debug records. */
  since?: Date;
  /** Told what goes wrong and is tried again, or left out: an agent too many, a topic, the handler. */
  onError?: (error: unknown) => void;
}

/** Called record by record, in the order of each agent. */
export type DebugHandler = (record: DebugRecord) => void;

/** A running watch of debug streams. */
export interface DebugWatch {
  /** Of how many agents it hears. */
  readonly agents: number;
  /**
   * Watches at another level, or other categories, from now on: running agents change at once. What is
   * refused changes nothing.
   */
  change(options: Pick<DebugWatchOptions, "level" | "categories">): Promise<Result<null>>;
  /** Releases the lease and leaves: agents that nobody else watches fall silent. */
  stop(): Promise<void>;
}
