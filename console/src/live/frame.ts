// What changes often is drawn once a frame, however many events came in between.
import { type Signal, signal } from "@preact/signals";

const waiting = new Set<() => void>();
let asked = false;

function draw(): void {
  asked = false;
  const now = [...waiting];
  waiting.clear();
  for (const work of now) work();
}

/** Does it in the next frame, once, however often it is asked for; in a hidden tab soon. */
export function nextFrame(work: () => void): void {
  waiting.add(work);
  if (asked) return;
  asked = true;
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

/** Counts changes: what reads `value` is drawn again, once a frame. */
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
