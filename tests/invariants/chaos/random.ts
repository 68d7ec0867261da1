/** Random decisions from a seed, so that a run can be repeated: CHAOS_SEED=<seed> npm run test:chaos */

export interface Random {
  readonly seed: number;
  /** A number from 0 to 1, but never 1. */
  next(): number;
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  pick<T>(choices: readonly T[]): T;
}

/** The seed of this run: that in CHAOS_SEED, or a random one, which is printed. */
export const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function randomOf(from: number): Random {
  let state = from >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    seed: from,
    next,
    between,
    pick: <T>(choices: readonly T[]) => choices[between(0, choices.length - 1)] as T,
  };
}
