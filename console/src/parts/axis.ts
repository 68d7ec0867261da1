/** A span without work, such as a wait for an approval, that is drawn as a mark instead of to scale. */
export interface Gap {
  /** The places of the middle of the mark and of its width on the axis, from 0 to 1. */
  at: number;
  width: number;
  ms: number;
}

export interface Axis {
  /** The place of an instant, from 0 to 1. */
  place(at: number): number;
  gaps: Gap[];
}

/** Shorter waits are drawn to scale. */
const noticedMs = 1_000;

/**
 * An axis of time on which long waits shrink to marks, to leave room for the work. A mark is as wide
 * as `share` of the work. The axis begins and ends with the given spans of work.
 */
export function shrunkAxis(work: readonly (readonly [number, number])[], share: number): Axis {
  const busy: [number, number][] = [];
  for (const [from, until] of [...work].sort((one, other) => one[0] - other[0])) {
    const last = busy.at(-1);
    if (last && from <= last[1] + noticedMs) last[1] = Math.max(last[1], until);
    else busy.push([from, until]);
  }
  const busyMs = busy.reduce((sum, [from, until]) => sum + until - from, 0);
  // If no work takes time, the marks share the whole axis.
  const gapMs = (busyMs || 1) * share;
  const length = busyMs + gapMs * Math.max(0, busy.length - 1) || 1;
  const gaps: Gap[] = [];
  const begins: number[] = [];
  let at = 0;
  for (const [index, [from, until]] of busy.entries()) {
    const before = busy[index - 1];
    if (before) {
      const width = gapMs / length;
      gaps.push({ at: (at + gapMs / 2) / length, width, ms: from - before[1] });
      at += gapMs;
    }
    begins.push(at);
    at += until - from;
  }
  const place = (instant: number): number => {
    for (const [index, [from, until]] of busy.entries()) {
      const begin = begins[index] ?? 0;
      if (instant < from) {
        const before = busy[index - 1]?.[1] ?? from;
        const left = Math.min(1, (from - instant) / (from - before || 1));
        return Math.max(0, begin - gapMs * left) / length;
      }
      if (instant <= until) return (begin + instant - from) / length;
    }
    return 1;
  };
  return { place, gaps };
}
