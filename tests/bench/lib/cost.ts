/** What calls cost the server. Other work on the machine hardly changes the ratio of two costs. */
import type { Backend } from "#harness/backend";
import { type Comparison, quartiles, timed } from "./measure.ts";

/** The CPU time of the server's process, or the elapsed time if the server runs elsewhere, in milliseconds. */
export async function cost(backend: Backend, work: () => Promise<unknown>): Promise<number> {
  const before = backend.cpu();
  const ms = await timed(work);
  return Number.isNaN(before) ? ms : (backend.cpu() - before) / 1_000;
}

/** One of the two calls that are compared. `prepare` runs before the time is measured. */
export interface Call {
  backend: Backend;
  prepare(round: number): () => Promise<unknown>;
}

type Clock = (backend: Backend, work: () => Promise<unknown>) => Promise<number>;

/**
 * Makes both calls in each round, in alternating order. The first rounds do not count: they plan the
 * statements.
 */
async function compareBy(
  clock: Clock,
  rounds: number,
  ours: Call,
  baseline: Call,
): Promise<Comparison> {
  const measured = { ours: [] as number[], baseline: [] as number[], ratio: [] as number[] };
  for (let round = -6; round < rounds; round++) {
    const [own, other] = [ours.prepare(round), baseline.prepare(round)];
    const before = round % 2 ? await clock(ours.backend, own) : undefined;
    const theirs = await clock(baseline.backend, other);
    const mine = before ?? (await clock(ours.backend, own));
    if (round < 0) continue;
    measured.ours.push(mine);
    measured.baseline.push(theirs);
    measured.ratio.push(mine / theirs);
  }
  return {
    ours: quartiles(measured.ours),
    baseline: quartiles(measured.baseline),
    ratio: quartiles(measured.ratio),
  };
}

export const compareCosts = (rounds: number, ours: Call, baseline: Call) =>
  compareBy(cost, rounds, ours, baseline);

export const compareTimes = (rounds: number, ours: Call, baseline: Call) =>
  compareBy((_, work) => timed(work), rounds, ours, baseline);
