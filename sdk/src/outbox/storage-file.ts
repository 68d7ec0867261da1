import { storageFailed } from "../contract/invalid.ts";
import { builtin as moduleOf } from "../link/builtin.ts";
import { type FileLock, LockHeld, LockLost, lockFile } from "./file-lock.ts";
import type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./storage.ts";

type Fs = typeof import("node:fs/promises");

/**
 * A file is rewritten when it has at least this size, and is at least twice as large as the operations in it.
 */
const compactBytes = 256 * 1024;

function builtin<T>(name: string): T {
  const found = moduleOf<T>(name);
  if (found) return found;
  throw storageFailed(
    "This platform has no files for the outbox.",
    "In a browser, pass a name as storage; elsewhere, pass your own storage.",
  );
}

/**
 * Keeps outboxes in a folder, with a file of JSON Lines for each tenant. A line is a change. When `write`
 * resolves, the change is on the disk (fdatasync, shared by writes that wait at the same time). If a crash
 * cut off the last line, its write never resolved, and the line is removed. Only one process at a time can
 * use a tenant's file.
 */
export function fileStorage(folder: string): OutboxStorage {
  return {
    async open(tenant) {
      const fs = builtin<Fs>("node:fs/promises");
      const { join } = builtin<typeof import("node:path")>("node:path");
      const path = join(folder, `${tenant}.jsonl`);
      await fs.mkdir(folder, { recursive: true, mode: 0o700 });
      const lock = await lockFile(`${path}.lock`, { fs }).catch((error: unknown) => {
        throw error instanceof LockHeld ? heldElsewhere(error) : error;
      });
      try {
        return await FileStore.open(fs, path, lock);
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

interface Waiting {
  change: OutboxChange;
  line: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

class FileStore implements OutboxStore {
  readonly entries: OutboxEntry[];
  readonly #fs: Fs;
  readonly #path: string;
  readonly #lock: FileLock;
  /** The operations to keep, as one line each, for the next compaction. */
  readonly #kept: Map<string, string>;
  #file: Awaited<ReturnType<Fs["open"]>>;
  #size: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(
    fs: Fs,
    path: string,
    lock: FileLock,
    read: Awaited<ReturnType<typeof readEntries>>,
    file: Awaited<ReturnType<Fs["open"]>>,
  ) {
    this.#fs = fs;
    this.#path = path;
    this.#lock = lock;
    this.entries = [...read.entries.values()];
    this.#kept = new Map([...read.entries].map(([id, entry]) => [id, lineOf({ put: [entry] })]));
    this.#file = file;
    this.#size = read.size;
  }

  static async open(fs: Fs, path: string, lock: FileLock): Promise<FileStore> {
    const read = await readEntries(fs, path);
    const file = await fs.open(path, "a", 0o600);
    try {
      await file.truncate(read.size);
      await file.datasync();
      await syncFolder(fs, path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new FileStore(fs, path, lock, read, file);
  }

  write(change: OutboxChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, line: lineOf(change), resolve, reject });
      this.#flushing ??= this.#flushAll();
    });
  }

  async assertHeld(): Promise<void> {
    await this.#lock.assertHeld().catch((cause: unknown) => {
      // If the lock cannot be read now, it is checked again before anything is written.
      if (cause instanceof LockLost) throw takenOver(cause);
    });
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
    await this.#lock.release();
  }

  /** Writes that arrive while a flush is running share the next one. */
  async #flushAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      try {
        await this.#flush(taken);
        for (const { resolve } of taken) resolve();
      } catch (cause) {
        const error = cause instanceof LockLost ? takenOver(cause) : unwritable(this.#path, cause);
        for (const { reject } of taken) reject(error);
      }
    }
    // This must be in the same turn as the check for waiting writes, because later writes start their own
    // flush.
    this.#flushing = undefined;
  }

  async #flush(taken: Waiting[]): Promise<void> {
    // A process that was suspended must not write if another has the file.
    await this.#lock.assertHeld();
    if (this.#emptiedBy(taken)) {
      // Removing everything needs no space, so an outbox can be emptied even on a full disk.
      await this.#file.truncate(0);
      await this.#file.datasync();
      this.#size = 0;
      this.#kept.clear();
      return;
    }
    const bytes = new TextEncoder().encode(taken.map(({ line }) => line).join(""));
    try {
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
    } catch (error) {
      // The next line must not follow half a line.
      await this.#file.truncate(this.#size).catch(() => {});
      throw error;
    }
    this.#size += bytes.length;
    for (const { change } of taken) this.#apply(change);
    // Everything that was written is safe. If there is no room to rewrite the file, it is left long for
    // now.
    await this.#compact().catch(() => {});
  }

  #emptiedBy(taken: Waiting[]): boolean {
    if (taken.some(({ change }) => change.put?.length)) return false;
    const removed = new Set(taken.flatMap(({ change }) => change.remove ?? []));
    if (removed.size < this.#kept.size) return false;
    return [...this.#kept.keys()].every((id) => removed.has(id));
  }

  #apply({ put = [], remove = [] }: OutboxChange): void {
    for (const id of remove) this.#kept.delete(id);
    for (const entry of put) this.#kept.set(entry.operation.id, lineOf({ put: [entry] }));
  }

  async #compact(): Promise<void> {
    if (this.#size < compactBytes) return;
    const bytes = new TextEncoder().encode([...this.#kept.values()].join(""));
    if (this.#size < bytes.length * 2) return;
    // Write a new file first, so that the path always points to a complete file.
    const draft = `${this.#path}.draft`;
    await this.#fs.rm(draft, { force: true });
    const file = await this.#fs.open(draft, "a", 0o600);
    try {
      await file.appendFile(bytes);
      await file.datasync();
      // Check again, because this process may have been suspended since the flush began.
      await this.#lock.assertHeld();
      await this.#fs.rename(draft, this.#path);
    } catch (error) {
      await file.close();
      throw error;
    }
    const long = this.#file;
    this.#file = file;
    this.#size = bytes.length;
    await syncFolder(this.#fs, this.#path);
    await long.close();
  }
}

const heldElsewhere = (cause: LockHeld) =>
  storageFailed(cause.message, "Give each process its own folder.", cause);

const takenOver = (cause: LockLost) =>
  storageFailed(
    cause.message,
    "Nothing of this call was done. Restart this process: it can no longer write to the folder.",
    cause,
  );

const unwritable = (path: string, cause: unknown) =>
  storageFailed(
    `${path} could not be written: ${String(cause)}`,
    "Nothing was stored. Make room on the disk, then try again.",
    cause,
  );

const lineOf = (change: OutboxChange) => `${JSON.stringify(change)}\n`;

/** Reads the entries of a file, and how many of its bytes are intact. */
async function readEntries(fs: Fs, path: string) {
  const text = await fs.readFile(path, "utf8").catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const entries = new Map<string, OutboxEntry>();
  let size = 0;
  const lines = text.split("\n");
  for (const [index, line] of lines.slice(0, -1).entries()) {
    const change = parse(line);
    if (!change) {
      // A crash damages only the last line, so something else has written here.
      if (index < lines.length - 2) {
        throw storageFailed(
          `Line ${index + 1} of ${path} is damaged.`,
          "Move the file away to continue without its content.",
        );
      }
      break;
    }
    for (const id of change.remove ?? []) entries.delete(id);
    for (const entry of change.put ?? []) entries.set(entry.operation.id, entry);
    size += new TextEncoder().encode(line).length + 1;
  }
  return { entries, size };
}

function parse(line: string): OutboxChange | null {
  try {
    const change = JSON.parse(line) as OutboxChange;
    const whole =
      typeof change === "object" &&
      (change.remove ?? []).every((id) => typeof id === "string") &&
      (change.put ?? []).every(({ operation }) => typeof operation.id === "string");
    return whole ? change : null;
  } catch {
    return null;
  }
}

/** Makes a new or renamed file survive a power failure. Not every system supports this. */
async function syncFolder(fs: Fs, path: string): Promise<void> {
  const { dirname } = builtin<typeof import("node:path")>("node:path");
  const folder = await fs.open(dirname(path), "r").catch(() => null);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
