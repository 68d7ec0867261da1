/**
 * Pairs of times, measured in turns. On a shared machine, the ratio of a pair says more than either of its
 * times.
 */

export interface Quartiles {
  q1: number;
  median: number;
  q3: number;
}

/** How many milliseconds our call and the call of the baseline take, and the ratios of the pairs. */
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

/** Makes both calls `rounds` times, in alternating order, after a first round that warms up. */
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

/** How many milliseconds a call takes, over `rounds` calls, after a first one that warms up. */
export async function measure(rounds: number, work: () => Promise<unknown>): Promise<Quartiles> {
  await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(work));
  return quartiles(times);
}

/** The slope of a line through points on logarithmic axes: 0 for constant growth, 1 for linear growth. */
export function slope(points: { x: number; y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map((point) => point.x)), mean(logs.map((point) => point.y))];
  const above = logs.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  return above / logs.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
}
