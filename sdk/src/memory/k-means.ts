/** Spherical k-means over weighted words. The same input gives the same clusters on every machine. */

export interface Item {
  words: Readonly<Record<string, number>>;
}

const restarts = 4;
const rounds = 15;

interface Sparse {
  at: number[];
  of: number[];
}

/**
 * @returns the cluster of each item, from 0; -1 for an item without words. Some clusters may have no item.
 */
export function kMeans(items: Item[], clusters: number): number[] {
  const places = new Map<string, number>();
  const vectors = items.map(({ words }) => toVector(words, places));
  const used = vectors.flatMap(({ at }, index) => (at.length > 0 ? [index] : []));
  if (used.length === 0) return items.map(() => -1);
  let best: { quality: number; of: number[] } = { quality: -1, of: [] };
  const random = randomFrom(20_261_129);
  for (let n = 0; n < restarts; n++) {
    const run = runOnce(vectors, used, Math.min(clusters, used.length), places.size, random);
    if (run.quality > best.quality + 1e-9) best = run;
  }
  return best.of;
}

/** A vector of length 1. */
function toVector(words: Readonly<Record<string, number>>, places: Map<string, number>): Sparse {
  const entries = Object.entries(words).sort(([a], [b]) => (a < b ? -1 : 1));
  const length = Math.hypot(...entries.map(([, weight]) => weight));
  const at = entries.map(([word]) => {
    const place = places.get(word) ?? places.size;
    places.set(word, place);
    return place;
  });
  return { at, of: entries.map(([, weight]) => weight / length) };
}

function runOnce(
  vectors: Sparse[],
  used: number[],
  clusters: number,
  width: number,
  random: () => number,
): { quality: number; of: number[] } {
  let centres = seeds(vectors, used, clusters, width, random);
  let of: number[] = [];
  let quality = 0;
  for (let round = 0; round < rounds; round++) {
    const next = vectors.map(() => -1);
    quality = 0;
    for (const index of used) {
      const likes = centres.map((centre) => dot(vectors[index], centre));
      const most = Math.max(...likes);
      next[index] = likes.indexOf(most);
      quality += most;
    }
    if (of.length > 0 && next.every((one, index) => one === of[index])) break;
    of = next;
    centres = centres.map((_, cluster) => centreOf(vectors, of, cluster, width));
  }
  return { quality, of };
}

/**
 * Chooses the first centres by k-means++: each further centre is drawn at random, preferring items that
 * are far from the existing centres.
 */
function seeds(
  vectors: Sparse[],
  used: number[],
  clusters: number,
  width: number,
  random: () => number,
): Float64Array[] {
  const first = used[Math.floor(random() * used.length)] ?? 0;
  const centres = [dense(vectors[first], width)];
  const far = used.map(() => 1);
  while (centres.length < clusters) {
    const newest = centres.at(-1) as Float64Array;
    used.forEach((index, n) => {
      far[n] = Math.min(far[n] ?? 1, Math.max(0, 1 - dot(vectors[index], newest)));
    });
    let left = random() * far.reduce((sum, one) => sum + one * one, 0);
    const chosen = far.findIndex((one) => {
      left -= one * one;
      return left <= 0;
    });
    centres.push(dense(vectors[used[Math.max(0, chosen)] ?? 0], width));
  }
  return centres;
}

function dense(vector: Sparse | undefined, width: number): Float64Array {
  const whole = new Float64Array(width);
  vector?.at.forEach((place, n) => {
    whole[place] = vector.of[n] ?? 0;
  });
  return whole;
}

function centreOf(vectors: Sparse[], of: number[], cluster: number, width: number): Float64Array {
  const sum = new Float64Array(width);
  vectors.forEach(({ at, of: weights }, index) => {
    if (of[index] !== cluster) return;
    at.forEach((place, n) => {
      sum[place] = (sum[place] ?? 0) + (weights[n] ?? 0);
    });
  });
  const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0)) || 1;
  return sum.map((value) => value / length);
}

function dot(vector: Sparse | undefined, centre: Float64Array): number {
  let sum = 0;
  vector?.at.forEach((place, n) => {
    sum += (vector.of[n] ?? 0) * (centre[place] ?? 0);
  });
  return sum;
}

/** The random numbers of mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
