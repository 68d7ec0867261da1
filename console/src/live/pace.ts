const [leastMs, mostMs] = [1_000, 15_000];

/** How long to wait before reloading something that is still running. The wait grows while nothing changes. */
export class Pace {
  #ms = leastMs;

  /**
   * How long to wait now, in milliseconds. With `isClose`, the thing may change at any moment, so
   * the wait does not grow.
   */
  next(changed: boolean, isClose = false): number {
    this.#ms = changed || isClose ? leastMs : Math.min(mostMs, this.#ms * 2);
    return this.#ms;
  }

  /** Something has happened, so the next change may come soon. */
  hurry(): void {
    this.#ms = leastMs / 2;
  }
}

/** Runs `work` after this time, or when a hidden tab is shown again. @returns a function that cancels it. */
export function later(ms: number, work: () => void): () => void {
  const timer = setTimeout(() => {
    if (document.hidden) document.addEventListener("visibilitychange", work, { once: true });
    else work();
  }, ms);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", work);
  };
}
