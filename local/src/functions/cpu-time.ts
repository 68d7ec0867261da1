import { readFileSync } from "node:fs";

/** The kernel's clock ticks a second, on every Linux that Node runs on. */
const ticksPerSecond = 100;
const everyMs = 50;

/** What one request has used of the CPU. */
interface Share {
  ms: number;
  exceeded: () => void;
}

/**
 * Measures the CPU time of requests: that of the process's main thread, where every function runs,
 * from /proc, each 50 ms. What passes while several requests are open is divided among them evenly,
 * for nothing tells whose it was: alone a request is measured exactly.
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

  /** Counts for a request until the returned function is called. */
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

  /** Milliseconds of the thread, in user and in kernel mode; where there is no /proc, none. */
  #used(): number {
    try {
      const text = readFileSync(this.#file, "latin1");
      // The name of the thread is in brackets, and may hold anything.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
    } catch {
      return this.#last;
    }
  }
}
