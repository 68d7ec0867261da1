import type { RunInfo } from "@mayfly/sdk";

export const isOver = ({ endedAt }: Pick<RunInfo, "endedAt">): boolean => endedAt !== undefined;

/** The time from the start of the run to its end, or to now, in milliseconds. Includes waits. */
export const ranMs = ({ startedAt, endedAt }: RunInfo, now: number): number =>
  startedAt ? Math.max(0, (endedAt?.getTime() ?? now) - startedAt.getTime()) : 0;

/** The value in the middle. Null if there are none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

export const tokens = (count: number): string =>
  count < 10_000 ? count.toLocaleString("en") : `${(count / 1_000).toFixed(1)}k`;
