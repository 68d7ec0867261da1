import { nodeModule } from "../link/builtin.ts";
import {
  beatOf,
  type Content,
  codeOf,
  type Found,
  type Fs,
  parse,
  read,
  unreadable,
  writeNew,
} from "./lock-content.ts";
import { type IdentitySource, type ProcessIdentity, systemIdentity } from "./process-identity.ts";

/**
 * A file that only one process holds, even if other processes run on other machines or in other
 * containers. The SDK locks outboxes with it, and the embedded Supabase locks its data folder.
 *
 * The file names its holder. If the holder runs on the same kernel and in the same namespace, its pid and start
 * time tell whether it is alive. Any other holder counts as alive while it beats. To beat, it rewrites a
 * counter in the file, and observers watch whether the counter changes. Clocks of different machines are never
 * compared.
 *
 * The lock of a dead holder is replaced by its successor, the file `<path>.<token of the dead holder>`. Only
 * one process can create this file, because tokens are unique. A rename then puts it in the place of the old
 * lock. If a process dies before the rename, its successor file is itself a lock, and is replaced in the same
 * way.
 */

/** The process that holds a lock. */
export type Holder = Pick<ProcessIdentity, "pid" | "host">;

/** Another process has the lock. */
export class LockHeld extends Error {
  readonly holder: Holder;

  constructor(path: string, holder: Holder) {
    super(`${path} is held by process ${holder.pid} on ${holder.host}.`);
    this.holder = holder;
  }
}

/**
 * Another process took the lock while this one did not beat, for example because the machine was suspended.
 */
export class LockLost extends Error {
  constructor(path: string) {
    super(`${path} was taken over by another process while this one was suspended.`);
  }
}

/** A lock that this process holds. */
export interface FileLock {
  /**
   * Call this before each write to the locked files.
   *
   * @throws LockLost
   */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/** How often a holder beats, and how long an observer watches it. */
export interface LockRhythm {
  beatMs: number;
  lookMs: number;
  /**
   * After this many looks without a change, a holder counts as dead. The observer counts with its own timers,
   * so after a suspended machine wakes up, holder and observer both continue where they were.
   */
  looks: number;
}

export interface LockOptions {
  /** Called once when another process has taken the lock: at the next beat, or when `assertHeld` finds it. */
  onLost?: (error: LockLost) => void;
  /**
   * Called before the holder is watched, to find out whether it is alive. `ms` is how long that takes at most.
   */
  onWatch?: (holder: Holder, ms: number) => void;
  fs?: Fs;
  identity?: IdentitySource;
  rhythm?: LockRhythm;
}

/**
 * With these values, a holder counts as dead after 15 s without a beat, the time of seven beats. A lock
 * from before 0.1.0 beats every 10 s, so it does not look dead.
 */
const defaultRhythm: LockRhythm = { beatMs: 2_000, lookMs: 500, looks: 30 };

interface Taker {
  fs: Fs;
  identity: IdentitySource;
  rhythm: LockRhythm;
  onWatch: (holder: Holder, ms: number) => void;
  own: Content;
  /** The path of this process's complete lock file. `create` links it to the path of the lock. */
  draft: string;
}

/**
 * Holds `path` for this process until it is released or the process ends.
 *
 * @throws LockHeld
 */
export async function lockFile(path: string, options: LockOptions = {}): Promise<FileLock> {
  const { identity = systemIdentity(), rhythm = defaultRhythm, onLost, onWatch } = options;
  const fs = options.fs ?? nodeModule<Fs>("node:fs/promises");
  const token = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const own = { ...identity.own(), token, beat: beatOf(0) };
  const draft = `${path}.${token}.draft`;
  await writeNew(fs, draft, own);
  try {
    await take({ fs, identity, rhythm, own, draft, onWatch: onWatch ?? (() => {}) }, path);
  } finally {
    await fs.rm(draft, { force: true });
  }
  return new HeldLock(fs, path, own, rhythm.beatMs, onLost);
}

async function take(taker: Taker, path: string): Promise<void> {
  const { fs, own } = taker;
  while (!(await create(taker, path))) {
    const holder = await read(fs, path);
    if (!holder) continue;
    // This process has the lock: it renamed its file in the previous round, or a file server repeated a link
    // that had succeeded.
    if (holder.token === own.token) return;
    if (!(await isDead(taker, path, holder))) continue;
    const successor = `${path}.${holder.token}`;
    await take(taker, successor);
    // Another process may have replaced the dead holder before this process made the successor.
    const stillDead = (await read(fs, path))?.text === holder.text;
    if (stillDead) await rename(fs, successor, path);
    else await fs.rm(successor, { force: true });
  }
}

/** Creates a lock file. Returns false if there already is one. */
async function create({ fs, draft, own }: Taker, path: string): Promise<boolean> {
  try {
    // A linked file is complete from the start.
    await fs.link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
  }
  // exFAT, SMB and others have no hard links, and each system reports this with its own code.
  return writeNew(fs, path, own).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    },
  );
}

/** Renames a file, if it still exists. If it does not, another process has already taken over the successor. */
const rename = (fs: Fs, from: string, to: string): Promise<void> =>
  fs.rename(from, to).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });

/**
 * @returns true if the holder is dead; false if the lock has changed hands meanwhile.
 * @throws LockHeld
 */
async function isDead(taker: Taker, path: string, holder: Found): Promise<boolean> {
  const { fs, identity, rhythm, onWatch } = taker;
  const state = identity.stateOf(holder);
  if (state === "runs") throw new LockHeld(path, holder);
  if (state === "gone") return true;
  // The embedded Supabase from before 0.1.0 does not beat. Its lock has only a pid and a start.
  const { boot, namespace } = taker.own;
  if (holder.boot === "" && identity.stateOf({ ...holder, boot, namespace }) === "runs") {
    throw new LockHeld(path, holder);
  }
  onWatch(holder, rhythm.lookMs * rhythm.looks);
  for (let look = 0; look < rhythm.looks; look++) {
    await new Promise((resolve) => setTimeout(resolve, rhythm.lookMs));
    const now = await read(fs, path);
    if (now?.token !== holder.token) return false;
    const beats = now.text !== holder.text || now.modifiedMs !== holder.modifiedMs;
    if (beats && now !== null && holder.token !== unreadable.token) {
      throw new LockHeld(path, holder);
    }
  }
  return true;
}

class HeldLock implements FileLock {
  readonly #fs: Fs;
  readonly #path: string;
  readonly #own: Content;
  readonly #onLost: ((error: LockLost) => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  #beats = 0;
  #beating: Promise<void> | undefined;
  #lost: LockLost | undefined;
  #released: Promise<void> | undefined;

  constructor(
    fs: Fs,
    path: string,
    own: Content,
    beatMs: number,
    onLost: ((error: LockLost) => void) | undefined,
  ) {
    this.#fs = fs;
    this.#path = path;
    this.#own = own;
    this.#onLost = onLost;
    // Use Node's timer, because Deno's own timer keeps the process alive.
    const timers = nodeModule<typeof import("node:timers")>("node:timers");
    this.#timer = timers.setInterval(() => {
      this.#beating ??= this.#beat().finally(() => {
        this.#beating = undefined;
      });
    }, beatMs);
    this.#timer.unref();
  }

  async assertHeld(): Promise<void> {
    if (!this.#lost && (await read(this.#fs, this.#path))?.token !== this.#own.token) this.#lose();
    if (this.#lost) throw this.#lost;
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#lost) return;
    // Make our own successor, so that nobody replaces the file between the check and the removal.
    const successor = `${this.#path}.${this.#own.token}`;
    try {
      await writeNew(this.#fs, successor, this.#own);
    } catch (error) {
      if (codeOf(error) === "EEXIST" || codeOf(error) === "ENOENT") return;
      // If this process cannot write a successor, because the disk is full, no other process can either.
    }
    if ((await read(this.#fs, this.#path))?.token === this.#own.token) {
      await this.#fs.rm(this.#path, { force: true });
    }
    await this.#fs.rm(successor, { force: true });
  }

  /**
   * Beats. It reads and writes the open file, not the path. So it never changes the file of another
   * process, even if the path leads to that file by then.
   */
  async #beat(): Promise<void> {
    try {
      const file = await this.#fs.open(this.#path, "r+");
      try {
        if (parse(await file.readFile("utf8")).token !== this.#own.token) return this.#lose();
        this.#beats++;
        await file.write(JSON.stringify({ ...this.#own, beat: beatOf(this.#beats) }), 0);
      } finally {
        // Network file systems write a file when it is closed.
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === "ENOENT") this.#lose();
      // Any other error may be temporary, and the next beat tries again.
    }
  }

  #lose(): void {
    if (this.#lost || this.#released) return;
    clearInterval(this.#timer);
    this.#lost = new LockLost(this.#path);
    this.#onLost?.(this.#lost);
  }
}
