/** The output of benchmarks: one line each, and JSON for `npm run bench` if it asks for it. */
import { appendFileSync } from "node:fs";
import type { Comparison } from "./measure.ts";

/** One measurement. */
export interface Row {
  bench: string;
  /** What was done, and with which size. */
  name: string;
  /** The database: `postgres`, `pglite`, or something else. */
  on: string;
  /** The unit of `ours` and `baseline`: `ms`, `recall`, `MB`. */
  unit: string;
  ours: number;
  /** The baseline. */
  against?: string;
  baseline?: number;
  /** ours / baseline: the median of the pairs, and its quartiles. */
  ratio?: number;
  spread?: [number, number];
  /** For the chart of growth: the size on its axis. */
  size?: number;
}

/** Where `npm run bench` collects the rows of its child processes. */
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
      : `, ${against} ${round(baseline)} ${unit}, ratio ${round(ratio)}${spread ? ` (${round(spread[0])}–${round(spread[1])})` : ""}`;
  return `${name} on ${on}: ${round(ours)} ${unit}${compared}`;
}

/** These measurements are accurate to three digits. */
export const round = (value: number) => String(Number(value.toPrecision(3)));
