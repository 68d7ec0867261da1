/** Maintains a tenant, as the caller. */
import { count, flag, row, texts } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

/** What maintenance did. */
export interface Maintained {
  /** Agents that had died without being stopped. */
  agents: number;
  /** Memories that were forgotten because of retention or `expiresAt`. */
  forgotten: number;
  tombstones: number;
  events: number;
  ops: number;
  /**
   * The names of the chores that failed in the last batch. The others were done. `npx mayfly doctor` has the
   * errors.
   */
  failed: string[];
}

/** How to follow or stop maintenance. */
export interface MaintainOptions {
  /** Called after each batch with what was done so far. */
  onProgress?: (done: Maintained) => void;
  /** Stops after the current batch. The next call does the rest. */
  signal?: AbortSignal;
}

const maintainedRow = row<Maintained & { more: boolean }>({
  agents: count,
  forgotten: count,
  tombstones: count,
  events: count,
  ops: count,
  // A server of 0.1 does not return `failed`.
  failed: texts.default([]),
  more: flag,
});

/** How many rows maintenance looks at in a transaction. */
const batchRows = 1_000;
/** The pause before trying again if another call is maintaining the tenant. */
const pauseMs = 50;

/** Runs maintenance in batches, each a transaction, until nothing is left to do. */
export async function maintainTenant(
  link: Link,
  { onProgress, signal }: MaintainOptions,
): Promise<Result<Maintained>> {
  const counts = { agents: 0, forgotten: 0, tombstones: 0, events: 0, ops: 0 };
  const steps = Object.keys(counts) as (keyof typeof counts)[];
  const done: Maintained = { ...counts, failed: [] };
  while (!signal?.aborted) {
    const { data, error } = await link.rpc("maintain", { max_rows: batchRows }, maintainedRow);
    if (error) return failed(error);
    const batch = data;
    for (const step of steps) done[step] += batch[step];
    done.failed = batch.failed;
    onProgress?.({ ...done });
    if (!batch.more) break;
    if (steps.every((step) => batch[step] === 0)) await pause(pauseMs);
  }
  return ok(done);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
