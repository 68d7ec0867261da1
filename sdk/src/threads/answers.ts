/** Schemas of answers about threads. See `answer-form.ts`. */
import { z } from "zod";
import { count, list, maybeText, object, row, text } from "../contract/answer-form.ts";
import type { ThreadCheckpoint, ThreadWrite } from "./types.ts";

interface ThreadRow {
  name: string;
  bytes: number;
  created_at: string;
  updated_at: string;
  expires_at: string | null;
}

export const threadRow = row<ThreadRow>({
  name: text,
  bytes: count,
  created_at: text,
  updated_at: text,
  expires_at: maybeText,
});

interface ChannelRow {
  channel: string;
  version: string | number;
  /** The value consists of the first `parts` texts of the chain `chain`, or it is `text`. */
  chain?: string | undefined;
  parts?: number | undefined;
  text?: string | undefined;
}

interface CheckpointRow {
  thread: string;
  ns: string;
  id: string;
  parent: string | null;
  body: string;
  metadata: Record<string, unknown>;
  created_at: string;
  channels: ChannelRow[];
  writes: ThreadWrite[];
}

interface CheckpointsRow {
  checkpoints: CheckpointRow[];
  /** The texts of each chain. */
  parts: Record<string, unknown>;
}

const write = row<ThreadWrite>({ task: text, idx: count, channel: text, body: text });
const channel = row<ChannelRow>({
  channel: text,
  version: z.union([text, count]),
  chain: text.optional(),
  parts: count.optional(),
  text: text.optional(),
});
const checkpoint = row<CheckpointRow>({
  thread: text,
  ns: text,
  id: text,
  parent: maybeText,
  body: text,
  metadata: object,
  created_at: text,
  channels: list(channel),
  writes: list(write),
});
export const checkpointRows = row<CheckpointsRow>({ checkpoints: list(checkpoint), parts: object });
export const putRow = row<{ id: string }>({ id: text });
export const writtenRow = row<{ writes: number }>({ writes: count });
export const prunedRow = row<{ deleted: number }>({ deleted: count });

/**
 * Makes the checkpoints. A chain has the parts of several versions, so each value gets only as many
 * of them as belong to its version.
 */
export const toCheckpoints = ({ checkpoints, parts }: CheckpointsRow): ThreadCheckpoint[] =>
  checkpoints.map(({ channels, created_at, ...rest }) => ({
    ...rest,
    createdAt: new Date(created_at),
    channelVersions: Object.fromEntries(channels.map(({ channel, version }) => [channel, version])),
    channelValues: channels.flatMap(({ channel, version, chain, parts: own, text: whole }) => {
      if (whole !== undefined) return [{ channel, version, parts: [whole] }];
      if (chain === undefined) return [];
      return [{ channel, version, parts: ((parts[chain] ?? []) as string[]).slice(0, own) }];
    }),
  }));
