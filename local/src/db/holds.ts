/**
 * Held transactions, which are prepared but not yet committed. They can no longer fail, they survive
 * a crash, and nobody sees what they wrote. On hosted projects, every transaction is in this state
 * for a moment. Because Realtime reads the write-ahead log, a broadcast can arrive in that moment.
 * PGlite has a single session. With PREPARE TRANSACTION, a transaction gets into the same state, and
 * the session is free for others.
 *
 * While a transaction is held, only the Data API's transactions get turns. If a statement of such a
 * transaction waits for a lock of the held one, that statement is ended (lock-waits.ts), and the
 * Data API runs its transaction again.
 */
import type { Backend } from "./backend.ts";
import type { Client } from "./client.ts";
import { holdPrefix } from "./hold-prefix.ts";
import { firstError, literal, query } from "./protocol.ts";

/** An entry in the queue: a client, or the arbiter's own work. */
type Turn = Client | (() => Promise<void>);

export class Holds {
  readonly #finish: (gid: string) => Promise<void>;
  readonly #othersWait: () => boolean;
  readonly #held = new Set<Hold>();
  #waiting = 0;
  #last = 0;

  constructor(finish: (gid: string) => Promise<void>, othersWait: () => boolean) {
    this.#finish = finish;
    this.#othersWait = othersWait;
  }

  /** Whether a transaction is held, so that only the Data API gets turns. */
  get any(): boolean {
    return this.#held.size > 0;
  }

  /** Removes the first turn that is allowed now from the queue, and returns it. */
  next(queue: Turn[]): Turn | undefined {
    if (!this.any) return queue.shift();
    const at = queue.findIndex(mayPassHolds);
    return at < 0 ? undefined : queue.splice(at, 1)[0];
  }

  /**
   * Makes a hold. Returns undefined while somebody waits for the existing holds to end, because new
   * holds could make them wait forever.
   */
  take(): Hold | undefined {
    if (this.#waiting > 0 || this.#othersWait() || this.#held.size >= 10) return undefined;
    const gid = `${holdPrefix}${process.pid}_${++this.#last}`;
    const hold = new Hold(gid, this.#finish, () => this.#held.delete(hold));
    this.#held.add(hold);
    return hold;
  }

  /** Ends every hold now. Until all holds have ended, `take` makes no new hold. */
  async settle(): Promise<void> {
    this.#waiting++;
    try {
      await Promise.allSettled([...this.#held].map((hold) => hold.end()));
    } finally {
      this.#waiting--;
    }
  }
}

export class Hold {
  readonly gid: string;
  readonly #finish: (gid: string) => Promise<void>;
  readonly #forget: () => void;
  readonly #over = Promise.withResolvers<void>();
  #prepared = Promise.withResolvers<boolean>();
  #ended: Promise<void> | undefined;

  constructor(gid: string, finish: (gid: string) => Promise<void>, forget: () => void) {
    this.gid = gid;
    this.#finish = finish;
    this.#forget = forget;
  }

  /**
   * Call this when PREPARE TRANSACTION has succeeded, or has failed so that there is nothing to
   * commit.
   */
  prepared(succeeded: boolean): void {
    this.#prepared.resolve(succeeded);
    if (!succeeded) this.#forget();
  }

  /** Commits after this time, or as soon as somebody waits. */
  async endAfter(ms: number): Promise<void> {
    const timer = setTimeout(() => void this.end(), ms);
    try {
      await this.#over.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Commits now. */
  end(): Promise<void> {
    this.#ended ??= this.#commit();
    return this.#ended;
  }

  async #commit(): Promise<void> {
    try {
      if (await this.#prepared.promise) await this.#finish(this.gid);
      this.#over.resolve();
    } catch (error) {
      this.#over.reject(error);
    } finally {
      this.#forget();
    }
  }
}

/**
 * Whether the turn may run while a transaction is held. The arbiter's own work may, because it needs none
 * of the held locks. The Data API may, because it repeats a transaction that needs one of the held locks.
 */
export const mayPassHolds = (turn: Turn): boolean =>
  typeof turn === "function" || turn.session?.user === "authenticator";

export async function commitPrepared(backend: Backend, gid: string): Promise<void> {
  const { body } = await backend.run(query(`commit prepared ${literal(gid)}`));
  const error = body && firstError(body);
  if (error) throw new Error(`A held transaction could not be committed: ${error.message}`);
}
