// Draws frequent changes at most once a frame, however many events arrive in between.
import { type Signal, signal } from "@preact/signals";

const waiting = new Set<() => void>();
let asked = false;

function draw(): void {
  asked = false;
  const now = [...waiting];
  waiting.clear();
  for (const work of now) work();
}

/**
 * Runs a function once in the next frame, however often it is requested. A hidden tab has no frames,
 * so there it runs after a short time.
 */
export function nextFrame(work: () => void): void {
  waiting.add(work);
  if (asked) return;
  asked = true;
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

/** Counts changes. Components that read `value` are redrawn, at most once a frame. */
export class Version {
  readonly #signal: Signal<number> = signal(0);
  readonly #rise = () => {
    this.#signal.value++;
  };

  get value(): number {
    return this.#signal.value;
  }

  changed(): void {
    nextFrame(this.#rise);
  }
}
