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

/** From the level that records the least to the one that records the most. */
export const debugLevels = ["silent", "basic", "detailed", "verbose", "trace"] as const;
/** A level by its number, 0 to 4, or by its name. */
export type DebugLevel = 0 | 1 | 2 | 3 | 4 | (typeof debugLevels)[number];

/** The default level of each category. The lowest level has the records that people want to see first. */
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

/** The data of a record, or a function that returns it, which is called only if somebody wants the record. */
export type DebugData = unknown;

/** Options of a record. */
export interface RecordOptions {
  /** By default the level of its category. */
  level?: DebugLevel;
  durationMs?: number;
}

/**
 * Records what the SDK itself does, if somebody wants to know it. The parts of an agent get this function.
 */
export type Note = (
  category: DebugCategory,
  name: string,
  data?: () => unknown,
  options?: RecordOptions,
) => void;

/** The level up to which each category is recorded. */
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

/** A batch of records, as it is broadcast. */
export interface DebugBatch {
  records: DebugRow[];
  /** Each connection of an agent has its own stream. */
  stream: string;
  /**
   * The number of the first record in the stream. A gap between two batches means that records were dropped.
   */
  first: number;
  /** How many records the buffer had dropped before these. */
  dropped: number;
}

/** What the server wants the agent to record. */
export interface DebugOrders {
  levels: Partial<Record<DebugCategory, number>>;
  /** How long the levels are valid. */
  seconds: number;
  /** Whether somebody watches every agent. Such a watcher is told about this agent when it is spawned. */
  all: boolean;
  sends_per_second: number;
  /** The level up to which the tenant stores records. 0 stores none. */
  persist: number;
}

export const debugTopic = (tenant: string, agent: string) => `tenant:${tenant}:debug:${agent}`;
/** The topic on which the database announces new agents to those who watch every agent. */
export const newcomersTopic = (tenant: string) => debugTopic(tenant, "new");
