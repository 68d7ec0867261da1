/** The memory of a process over time. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects garbage, so that only memory in use is measured. */
export const collectGarbage: () => void = runInNewContext("gc");

export interface Sample {
  /** When the memory was measured, by `performance.now()`. */
  at: number;
  bytes: number;
}

/** The slope of a line through samples, in MB a minute. */
export function growth(samples: Sample[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = mean(samples.map((sample) => sample.at));
  const bytes = mean(samples.map((sample) => sample.bytes));
  const above = samples.reduce((sum, one) => sum + (one.at - at) * (one.bytes - bytes), 0);
  const perMs = above / samples.reduce((sum, one) => sum + (one.at - at) ** 2, 0);
  return (perMs * 60_000) / 1e6;
}
