import { readFileSync } from "node:fs";

/** How often the kernel's clock ticks in a second, on every Linux that Node runs on. */
const ticksPerSecond = 100;
const everyMs = 50;

/** The CPU time that one request has used. */
interface Share {
  ms: number;
  exceeded: () => void;
}

/**
 * Measures the CPU time of requests. It reads the time of the process's main thread, in which every
 * function runs, from /proc every 50 ms. If several requests are open, the time is divided evenly
 * among them, because nothing says which request used it. A single request is measured exactly.
 */
export class CpuTime {
  readonly #limitMs: number;
  readonly #file: string;
  readonly #shares = new Set<Share>();
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(pid: number, limitMs: number) {
    this.#limitMs = limitMs;
    this.#file = `/proc/${pid}/task/${pid}/stat`;
  }

  /** Counts CPU time for a request until the returned function is called. */
  begin(exceeded: () => void): () => void {
    this.#measure();
    const share = { ms: 0, exceeded };
    this.#shares.add(share);
    this.#timer ??= setInterval(() => this.#measure(), everyMs);
    return () => {
      this.#measure();
      this.#shares.delete(share);
      if (this.#shares.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #measure(): void {
    const now = this.#used();
    const each = (now - this.#last) / Math.max(1, this.#shares.size);
    this.#last = now;
    for (const share of this.#shares) {
      share.ms += each;
      if (share.ms > this.#limitMs) share.exceeded();
    }
  }

  /** The thread's CPU time in user and kernel mode, in milliseconds. 0 if there is no /proc. */
  #used(): number {
    try {
      const text = readFileSync(this.#file, "latin1");
      // The name of the thread is in brackets, and may contain anything.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
    } catch {
      return this.#last;
    }
  }
}
