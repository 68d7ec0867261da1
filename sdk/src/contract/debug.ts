/** What a debug record can be about. */
export const debugCategories = [
  "lifecycle",
  "task",
  "step",
  "decision",
  "thought",
  "memory",
  "message",
  "tool",
  "error",
] as const;
/** What a record is about. */
export type DebugCategory = (typeof debugCategories)[number];

/** From little to everything. */
export const debugLevels = ["silent", "basic", "detailed", "verbose", "trace"] as const;
/** By number, 0 to 4, or by name. */
export type DebugLevel = 0 | 1 | 2 | 3 | 4 | (typeof debugLevels)[number];

/** The level of a record that says none: what one wants to see first has the lowest. */
export const defaultLevels: Record<DebugCategory, number> = {
  error: 1,
  lifecycle: 1,
  task: 1,
  step: 2,
  message: 2,
  tool: 2,
  decision: 3,
  memory: 3,
  thought: 4,
};

export const levelOf = (level: DebugLevel): number =>
  typeof level === "number" ? level : debugLevels.indexOf(level);

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

/** Up to which level each category is recorded. */
export type Thresholds = Record<DebugCategory, number>;

export const thresholdsOf = (level: (category: DebugCategory) => number): Thresholds =>
  Object.fromEntries(debugCategories.map((category) => [category, level(category)])) as Thresholds;

/** A record as it is sent and stored. */
export interface DebugRow {
  id: string;
  level: number;
  category: DebugCategory;
  name: string;
  data?: unknown;
  duration_ms?: number;
  at: string;
}

/** What is broadcast. */
export interface DebugBatch {
  records: DebugRow[];
  /** Which stream of the agent: each connection has its own. */
  stream: string;
  /** The place of the first in the stream: what is missing between two batches was dropped. */
  first: number;
  /** How many records were dropped before these, of what the buffer held. */
  dropped: number;
}

/** What the server has the agent record. */
export interface DebugOrders {
  levels: Partial<Record<DebugCategory, number>>;
  /** How long the levels hold. */
  seconds: number;
  /** Whether somebody watches every agent, and learns of this one by the log. */
  all: boolean;
  sends_per_second: number;
  /** The level up to which the tenant keeps records; 0: it keeps none. */
  persist: number;
}

export const debugTopic = (tenant: string, agent: string) => `tenant:${tenant}:debug:${agent}`;
