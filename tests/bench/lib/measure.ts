/** Pairs of timings, taken in turns in one run. On a shared machine, their ratio says more than either of them. */

export interface Quartiles {
  q1: number;
  median: number;
  q3: number;
}

/** Milliseconds for a call, of ours and of the baseline, and the ratio of each pair. */
export interface Comparison {
  ours: Quartiles;
  baseline: Quartiles;
  ratio: Quartiles;
}

export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function quartiles(values: number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { q1: at(0.25), median: at(0.5), q3: at(0.75) };
}

/** Runs both `rounds` times, in alternating order, after a first round to warm up. */
export async function compare(
  rounds: number,
  ours: () => Promise<unknown>,
  baseline: () => Promise<unknown>,
): Promise<Comparison> {
  await ours();
  await baseline();
  const times = { ours: [] as number[], baseline: [] as number[], ratio: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const before = round % 2 ? await timed(ours) : undefined;
    const other = await timed(baseline);
    const own = before ?? (await timed(ours));
    times.ours.push(own);
    times.baseline.push(other);
    times.ratio.push(own / other);
  }
  return {
    ours: quartiles(times.ours),
    baseline: quartiles(times.baseline),
    ratio: quartiles(times.ratio),
  };
}

/** Milliseconds for a call. */
export async function measure(rounds: number, work: () => Promise<unknown>): Promise<Quartiles> {
  await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(work));
  return quartiles(times);
}

/** The slope of a line through points on logarithmic axes: 0 constant, 1 linear. */
export function slope(points: { x: number; y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map((point) => point.x)), mean(logs.map((point) => point.y))];
  const above = logs.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  return above / logs.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
}
