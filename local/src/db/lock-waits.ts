/**
 * Ends waits for locks. In PGlite, such a wait would last forever. The session that waits is the
 * only one that could commit the held transaction, and no timeout can end the wait, because
 * WebAssembly has no timer signals. So while a transaction is held (see holds.ts), a wait for a lock
 * is ended at once, as a canceled statement (57014).
 *
 * Before the backend sleeps, it sets a timer for its deadlock check. It does this by calling an
 * import, which is wrapped here. `deadlock_timeout` is 1 ms. No other timer is as short, so this one
 * can be recognised.
 */
interface Globals {
  _InterruptPending?: number;
  _QueryCancelPending?: number;
  _MyLatch?: number;
}

export const lockWaitSettings = ["max_prepared_transactions=16", "deadlock_timeout=1"];

/** The backend believes that its timer signal was lost after 10 ms. This is a little longer. */
const lostSignalMs = 12;

type Instantiate = (source: unknown, imports?: WebAssembly.Imports) => Promise<unknown>;

export class LockWaits {
  #end: (() => void) | undefined;
  #ended = false;

  /** Instruments the PGlite that `create` makes. */
  async instrument<T extends { Module: object }>(
    create: () => Promise<T>,
    memory: (pg: T) => Uint8Array,
  ): Promise<T> {
    const api = WebAssembly as unknown as { instantiate: Instantiate };
    const original = api.instantiate;
    api.instantiate = (source, imports) =>
      original.call(WebAssembly, source, imports && this.#before(imports));
    try {
      const pg = await create();
      this.#end = ending(pg.Module, () => memory(pg));
      return pg;
    } finally {
      api.instantiate = original;
    }
  }

  /** Call this after each batch, so that the backend sets its timer again for the next wait. */
  async settle(): Promise<void> {
    if (!this.#ended) return;
    this.#ended = false;
    await new Promise((resolve) => setTimeout(resolve, lostSignalMs));
  }

  #before(imports: WebAssembly.Imports): WebAssembly.Imports {
    const { env } = imports;
    const own = env?._setitimer_js;
    if (!env || typeof own !== "function") return imports;
    const setTimer = (which: number, ms: number): unknown => {
      if (!this.#end || ms <= 0 || ms > 1) return own(which, ms);
      this.#ended = true;
      this.#end();
      return 0;
    };
    // A proxy, because more imports are added when they are requested.
    const wrapped = new Proxy(env, {
      get: (target, name) => (name === "_setitimer_js" ? setTimer : Reflect.get(target, name)),
    });
    return { ...imports, env: wrapped };
  }
}

/** Wakes the backend at once, with a cancel request. */
function ending(module: object, memory: () => Uint8Array): () => void {
  const { _InterruptPending, _QueryCancelPending, _MyLatch } = module as Globals;
  if (!_InterruptPending || !_QueryCancelPending || !_MyLatch)
    throw new Error("The interrupts were not found in this build of PGlite.");
  return () => {
    const words = new Int32Array(memory().buffer);
    words[_InterruptPending >> 2] = 1;
    words[_QueryCancelPending >> 2] = 1;
    // The latch's first field says that it is set.
    words[(words[_MyLatch >> 2] ?? 0) >> 2] = 1;
  };
}
