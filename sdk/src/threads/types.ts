/** A thread, without its checkpoints. */
export interface ThreadInfo {
  name: string;
  /** What the tenant is charged for it. */
  bytes: number;
  createdAt: Date;
  updatedAt: Date;
  expiresAt: Date | null;
}

/** The value that a channel has at its version in a checkpoint. */
export interface NewChannelValue {
  channel: string;
  /** The serialised value; with `base`, what it has more. Left out: the same as `base`. */
  part?: string;
  /** The version of the channel that this one continues: their parts are stored once. */
  base?: string | number;
}

/** What a thread is after a step. */
export interface NewCheckpoint {
  id: string;
  /** The namespace of a subgraph; empty by default. */
  ns?: string;
  /** The checkpoint before it. */
  parent?: string;
  /** What the caller serialised; nothing looks into it. */
  body: string;
  /** The version of each channel that has a value. */
  channelVersions: Record<string, string | number>;
  /** Lists can be filtered by it. */
  metadata?: Record<string, unknown>;
  /** The values of the channels that are new in it. */
  channelValues?: NewChannelValue[];
  /** Ends the whole thread so many seconds from now, unless something is put before. */
  expiresIn?: number;
}

/** What a task wrote after a checkpoint. */
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
  /** In the order in which they are applied: by path, task and `idx`. */
  writes: ThreadWrite[];
}

/** Which checkpoints. */
export interface ListCheckpoints {
  /** Of this thread; of all without it. */
  thread?: string;
  /** Of this namespace; of all without it. */
  ns?: string;
  /** Only those with a smaller id. */
  before?: string;
  /** Only those whose metadata has these values. */
  filter?: Record<string, unknown>;
  /** The last one of the page before. */
  after?: Pick<ThreadCheckpoint, "id" | "thread" | "ns">;
  /** 1 to 100; 20 by default. */
  limit?: number;
}

/** Writes of one task. */
export interface NewWrites {
  checkpoint: string;
  task: string;
  ns?: string;
  /** Where the task is in the graph: writes are applied in this order. */
  path?: string;
  /** An `idx` below 0 replaces an earlier write of the task; any other stays as it was first. */
  writes: { channel: string; idx: number; body: string }[];
}
