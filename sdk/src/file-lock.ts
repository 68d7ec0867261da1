import { storageFailed } from "./storage.ts";

type Fs = typeof import("node:fs/promises");

interface Holder {
  pid: number;
  host: string;
  token: string;
}

/** A lock of another host says every so often that it lives; one of this host is asked by its pid. */
const beatMs = 10_000;
const staleMs = 60_000;
/** Tokens of the locks that this process holds: a pid may come again, as 1 does in a container. */
const held = new Set<string>();

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
};

/**
 * Holds `path` for this process until it lets go or ends. A lock whose holder is dead is taken over.
 *
 * @returns lets go.
 * @throws `storage_failed` when another has it.
 */
export async function lockFile(fs: Fs, host: string, path: string): Promise<() => Promise<void>> {
  const own: Holder = { pid: process.pid, host, token: crypto.randomUUID() };
  const draft = `${path}.${own.token}`;
  // Written aside and linked: a lock that is there is whole, and link refuses one that is there.
  await fs.writeFile(draft, JSON.stringify(own));
  try {
    while (!(await link(fs, draft, path))) {
      const holder = await read(fs, path);
      if (!holder) continue;
      if (!(await isStale(fs, path, holder, host))) {
        throw storageFailed(
          `${path} is held by process ${holder.pid} on ${holder.host}.`,
          "One process has one outbox: give each a folder of its own.",
        );
      }
      await takeAway(fs, path, holder);
    }
  } finally {
    await fs.rm(draft, { force: true });
  }
  held.add(own.token);
  const beat = setInterval(() => {
    const now = new Date();
    void fs.utimes(path, now, now).catch(() => {});
  }, beatMs);
  beat.unref();
  return async () => {
    clearInterval(beat);
    held.delete(own.token);
    if ((await read(fs, path))?.token === own.token) await fs.rm(path, { force: true });
  };
}

async function link(fs: Fs, from: string, to: string): Promise<boolean> {
  return fs.link(from, to).then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
}

async function read(fs: Fs, path: string): Promise<Holder | null> {
  const text = await fs.readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Holder;
  } catch {
    // A loss of power can leave it empty.
    return { pid: 0, host: "", token: "" };
  }
}

async function isStale(fs: Fs, path: string, holder: Holder, host: string): Promise<boolean> {
  if (holder.token === "") return true;
  if (holder.host === host) {
    return holder.pid === process.pid ? !held.has(holder.token) : !isAlive(holder.pid);
  }
  const stat = await fs.stat(path).catch(() => null);
  return !stat || Date.now() - stat.mtimeMs > staleMs;
}

/** Moves a dead holder's lock away; of two that try, one may move a living one's: it is put back. */
async function takeAway(fs: Fs, path: string, dead: Holder): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}`;
  try {
    await fs.rename(path, aside);
  } catch {
    return;
  }
  const moved = await read(fs, aside);
  if (moved && moved.token !== dead.token) await link(fs, aside, path);
  await fs.rm(aside, { force: true });
}
