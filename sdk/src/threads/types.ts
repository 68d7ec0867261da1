/** A thread, without its checkpoints. */
export interface ThreadInfo {
  name: string;
  /** How many bytes the tenant is charged for it. */
  bytes: number;
  createdAt: Date;
  updatedAt: Date;
  expiresAt: Date | null;
}

/**
 * The value of a channel at its version in a checkpoint. Here, a channel is a named value of a
 * thread.
 */
export interface NewChannelValue {
  channel: string;
  /**
   * The serialised value, or with `base` only what was added. If you leave it out, the value is
   * that of `base`.
   */
  part?: string;
  /**
   * The version of the channel that this value continues. The parts that both share are stored
   * once.
   */
  base?: string | number;
}

/** The state of a thread after a step. */
export interface NewCheckpoint {
  id: string;
  /** The namespace of a subgraph; empty by default. */
  ns?: string;
  /** The checkpoint before it. */
  parent?: string;
  /** The checkpoint as the caller serialised it. Mayfly does not interpret it. */
  body: string;
  /** The version of each channel that has a value. */
  channelVersions: Record<string, string | number>;
  /** Values by which you can filter lists of checkpoints. */
  metadata?: Record<string, unknown>;
  /** The values of channels that are new in this checkpoint. */
  channelValues?: NewChannelValue[];
  /**
   * The whole thread expires after this many seconds, unless a later checkpoint sets a new time.
   */
  expiresIn?: number;
}

/** A write of a task after a checkpoint. */
export interface ThreadWrite {
  task: string;
  /** Its place among the writes of the task. */
  idx: number;
  channel: string;
  body: string;
}

/** A checkpoint as it is stored. */
export interface ThreadCheckpoint {
  thread: string;
  ns: string;
  id: string;
  parent: string | null;
  body: string;
  channelVersions: Record<string, string | number>;
  metadata: Record<string, unknown>;
  createdAt: Date;
  /** The texts that each value consists of, in order. */
  channelValues: { channel: string; version: string | number; parts: string[] }[];
  /** The writes in the order in which they are applied: by path, task and `idx`. */
  writes: ThreadWrite[];
}

/** Which checkpoints to list. */
export interface ListCheckpoints {
  /** Only checkpoints of this thread. By default, of all threads. */
  thread?: string;
  /** Only checkpoints of this namespace. By default, of all namespaces. */
  ns?: string;
  /** Only checkpoints with a smaller id. */
  before?: string;
  /** Only checkpoints with these values in their metadata. */
  filter?: Record<string, unknown>;
  /** The last checkpoint of the previous page. */
  after?: Pick<ThreadCheckpoint, "id" | "thread" | "ns">;
  /** 1 to 100; 20 by default. */
  limit?: number;
}

/** Writes of one task. */
export interface NewWrites {
  checkpoint: string;
  task: string;
  ns?: string;
  /** The place of the task in the graph. Writes are applied in this order. */
  path?: string;
  /**
   * A write with an `idx` below 0 replaces an earlier one of the task. For any other `idx`, the
   * first write stays.
   */
  writes: { channel: string; idx: number; body: string }[];
}
