import type { DebugCategory, DebugLevel } from "../contract/debug.ts";

/** What a record tells, or a function that gives it: called only when somebody wants it. */
export type DebugData = unknown;

/** What a record says beside its data. */
export interface RecordOptions {
  /** By default that of its category. */
  level?: DebugLevel;
  durationMs?: number;
}

/** Records what the SDK itself does, if somebody wants it; the parts of an agent are given it. */
export type Note = (
  category: DebugCategory,
  name: string,
  data?: () => unknown,
  options?: RecordOptions,
) => void;
