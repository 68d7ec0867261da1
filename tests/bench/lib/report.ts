/**
 * Prints one line for each measurement, and also writes it as JSON if `npm run bench` has started the
 * benchmark.
 */
import { appendFileSync } from "node:fs";
import type { Comparison } from "./measure.ts";

/** One measurement. */
export interface Row {
  bench: string;
  /** What was measured. */
  name: string;
  /** The database: `postgres`, `pglite`, or something else. */
  on: string;
  /** The unit of `ours` and `baseline`: `ms`, `recall`, `MB`. */
  unit: string;
  ours: number;
  /** The name of the baseline. */
  against?: string;
  baseline?: number;
  /** The median of the ratios ours / baseline of all pairs. `spread` has the first and the third quartile. */
  ratio?: number;
  spread?: [number, number];
  /** How much data there was: the chart of growth has it on an axis. */
  size?: number;
}

/** The file in which `npm run bench` collects the rows of the benchmarks that it has started. */
const collected = process.env.MAYFLY_BENCH_ROWS;

export function report(row: Row): void {
  if (collected) appendFileSync(collected, `${JSON.stringify(row)}\n`);
  console.log(describe(row));
}

/** Reports a comparison in milliseconds. */
export function reportComparison(
  row: Pick<Row, "bench" | "name" | "on" | "against" | "size">,
  { ours, baseline, ratio }: Comparison,
): void {
  report({
    ...row,
    unit: "ms",
    ours: ours.median,
    baseline: baseline.median,
    ratio: ratio.median,
    spread: [ratio.q1, ratio.q3],
  });
}

function describe({ name, on, unit, ours, against, baseline, ratio, spread }: Row): string {
  const compared =
    baseline === undefined || ratio === undefined
      ? ""
      : `, compared with ${round(baseline)} ${unit} (${against}), ratio ${round(ratio)}${spread ? ` (${round(spread[0])}–${round(spread[1])})` : ""}`;
  return `${name} on ${on}: ${round(ours)} ${unit}${compared}`;
}

/** Rounds to three digits, because the measurements are not more accurate than that. */
export const round = (value: number) => String(Number(value.toPrecision(3)));
