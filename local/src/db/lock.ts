import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

/**
 * One process per data folder. PGlite opens a folder twice without a word, and two backends on one
 * folder destroy it, so the folder carries a lock file of pid and process start time. A lock whose
 * process is gone (SIGKILL) is taken over; the takeover itself is guarded by a lock named after the
 * stale one, so that of two processes that find the same stale lock exactly one gets it.
 */
interface Holder {
  pid: number;
  started: string;
  token: string;
}

const UNREADABLE_GRACE_MS = 5_000;

/** Linux gives a process's start in /proc, which tells a reused pid apart; elsewhere the pid alone. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = startOf(holder.pid);
  return holder.started === "" || started === "" || started === holder.started;
}

function read(path: string): Holder | "absent" | "unreadable" {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder>;
    if (typeof holder.pid !== "number" || typeof holder.token !== "string") return "unreadable";
    return { pid: holder.pid, started: holder.started ?? "", token: holder.token };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "absent" : "unreadable";
  }
}

function create(path: string): (() => void) | undefined {
  const mine: Holder = { pid: process.pid, started: startOf(process.pid), token: randomUUID() };
  try {
    writeFileSync(path, JSON.stringify(mine), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  return () => {
    const now = read(path);
    if (typeof now === "object" && now.token === mine.token) rmSync(path, { force: true });
  };
}

function ageOf(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** Locks `path` for this process and returns the release. Throws one sentence when it is held. */
export function lock(path: string, what: string): () => void {
  for (let attempt = 0; attempt < 20; attempt++) {
    const release = create(path);
    if (release) return release;
    const holder = read(path);
    if (holder === "absent") continue;
    if (holder === "unreadable" && ageOf(path) < UNREADABLE_GRACE_MS) {
      throw new Error(`${what} is just being opened by another process.`);
    }
    if (typeof holder === "object" && isAlive(holder)) {
      throw new Error(`${what} is in use by the process with pid ${holder.pid}.`);
    }
    const token = typeof holder === "object" ? holder.token : "unreadable";
    const releaseGuard = lock(`${path}.${token}`, what);
    try {
      const now = read(path);
      const unchanged = typeof now === "object" ? now.token === token : now === holder;
      if (unchanged) rmSync(path, { force: true });
    } finally {
      releaseGuard();
    }
  }
  throw new Error(`${what} is being opened by several processes at once.`);
}
