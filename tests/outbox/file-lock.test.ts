import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as nodeFs from "node:fs/promises";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { canUnshare } from "#harness/needs";
import {
  type FileLock,
  LockHeld,
  LockLost,
  type LockOptions,
  lockFile,
} from "../../sdk/src/outbox/file-lock.ts";
import {
  type IdentitySource,
  type ProcessIdentity,
  systemIdentity,
} from "../../sdk/src/outbox/process-identity.ts";

let folder: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-lock-"));
  path = join(folder, "a.lock");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** A holder is dead after 0.4 s without a beat, of which it should have had forty. */
const rhythm = { beatMs: 10, lookMs: 20, looks: 20 };
/** A holder that does not beat at all. */
const still = { ...rhythm, beatMs: 1_000_000 };

const alive = new Set<number>();
beforeEach(() => alive.clear());

/** A process of an invented machine: `here` can ask for each other, `elsewhere` cannot. */
function processOf(pid: number, place: "here" | "elsewhere" = "here"): IdentitySource {
  alive.add(pid);
  const namespace = place === "here" ? "pid:[1]" : `pid:[${pid}]`;
  const own: ProcessIdentity = {
    pid: place === "here" ? pid : 1,
    host: "box",
    started: place === "here" ? String(pid) : "7",
    boot: "b",
    namespace,
  };
  return {
    own: () => own,
    stateOf: (other) => {
      if (other.boot !== "b" || other.namespace !== namespace) return "unknown";
      return alive.has(other.pid) ? "runs" : "gone";
    },
  };
}

/** The file system, where some calls fail or take their time. */
const withFs = (calls: Partial<typeof nodeFs>) => ({ ...nodeFs, ...calls });
const noLinks = (code: string) =>
  withFs({ link: () => Promise.reject(Object.assign(new Error(code), { code })) });

const take = (options: LockOptions = {}) => lockFile(path, { rhythm, ...options });
const unwatched = { onWatch: () => expect.unreachable("asked, not watched") };
const left = async () => (await readdir(folder)).sort();

/** Another process that takes the lock, in a container of its own where it is process 1. */
async function takeElsewhere(container = false) {
  const script = `
    const { lockFile } = await import(${JSON.stringify(new URL("../../sdk/src/outbox/file-lock.ts", import.meta.url).href)});
    await lockFile(${JSON.stringify(path)}, { rhythm: ${JSON.stringify(rhythm)} }).then(
      () => console.log("holds as " + process.pid), ({ message }) => console.log(message));
    setInterval(() => {}, 1000);`;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const command = container
    ? ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", ...node]
    : node;
  const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const said = (await once(createInterface(child.stdout), "line")) as [string];
  const kill = async () => {
    // Its end closes the pipe, also that of a container.
    const ended = once(child.stdout, "close");
    child.kill("SIGKILL");
    await ended;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { said: said[0], pid: child.pid ?? 0, kill };
}

describe("a lock on a file", () => {
  it("is one process's, leaves nothing behind, and is free again when it is released", async () => {
    const lock = await take();
    await lock.assertHeld();
    await expect(take(unwatched)).rejects.toMatchObject({ holder: { pid: process.pid } });
    await lock.release();
    await lock.release();
    expect(await left()).toEqual([]);
    await (await take()).release();
  });

  it("of a process that was killed is taken over at once", async () => {
    const other = await takeElsewhere();
    expect(other.said).toContain("holds");
    await expect(take(unwatched)).rejects.toBeInstanceOf(LockHeld);
    await other.kill();
    const lock = await take(unwatched);
    await lock.release();
    expect(await left()).toEqual([]);
  });

  it.runIf(process.platform === "linux")(
    "of a process that was killed and that nobody waits for is taken over at once",
    async () => {
      const script = `const { lockFile } = await import(${JSON.stringify(new URL("../../sdk/src/outbox/file-lock.ts", import.meta.url).href)});
        await lockFile(${JSON.stringify(path)}); console.log(process.pid); setInterval(() => {}, 1000);`;
      // What sleeps has become of the shell, and never asks how its child ended.
      const child = spawn(
        "sh",
        [
          "-c",
          '"$0" --input-type=module --eval "$1" & exec sleep 600 >&-',
          process.execPath,
          script,
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      children.push(child);
      const [pid] = (await once(createInterface(child.stdout), "line")) as [string];
      process.kill(Number(pid), "SIGKILL");
      await vi.waitUntil(async () => / Z /.test(await readFile(`/proc/${pid}/stat`, "utf8")));
      await (await take(unwatched)).release();
    },
  );

  it("of a reused pid is taken over at once", async () => {
    const own = systemIdentity().own();
    await writeFile(path, JSON.stringify({ ...own, started: "1", token: "dead", beat: "0" }));
    await (await take(unwatched)).release();
  });

  it("of a process that is stopped for a while is its own still", async () => {
    const other = await takeElsewhere();
    process.kill(other.pid, "SIGSTOP");
    await expect(take(unwatched)).rejects.toBeInstanceOf(LockHeld);
  });

  it.runIf(canUnshare)("is one's of two processes that both are process 1", async () => {
    const one = await takeElsewhere(true);
    const two = await takeElsewhere(true);
    expect(one.said).toBe("holds as 1");
    expect(two.said).toBe(`${path} is held by process 1 on ${hostname()}.`);
    // Nor is it a third's, who sees no process 1 that it could be.
    await expect(take()).rejects.toBeInstanceOf(LockHeld);
    await one.kill();
    const three = await takeElsewhere(true);
    expect(three.said).toBe("holds as 1");
  });

  it("of a holder elsewhere that beats is held, and of one that does not is taken", async () => {
    const beating = await take({ identity: processOf(1, "elsewhere") });
    await expect(take({ identity: processOf(2, "elsewhere") })).rejects.toBeInstanceOf(LockHeld);
    await beating.release();
    await take({ identity: processOf(1, "elsewhere"), rhythm: still });
    const watched = vi.fn();
    const taken = await take({ identity: processOf(2, "elsewhere"), onWatch: watched });
    expect(watched).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ pid: 1 }), 400);
    await taken.release();
  });

  it("does not depend on what a clock says", async () => {
    const beating = await take({ identity: processOf(1, "elsewhere") });
    await utimes(path, 0, 0);
    await expect(take({ identity: processOf(2, "elsewhere") })).rejects.toBeInstanceOf(LockHeld);
    await beating.release();
    await take({ identity: processOf(1, "elsewhere"), rhythm: still });
    const tomorrow = Date.now() / 1000 + 86_400;
    await utimes(path, tomorrow, tomorrow);
    await (await take({ identity: processOf(2, "elsewhere") })).release();
  });

  it.each(["EPERM", "ENOTSUP", "ENOSYS", "EISDIR"])(
    "works where hard links fail with %s",
    async (code) => {
      const fs = noLinks(code);
      const lock = await take({ fs });
      await expect(take({ fs, ...unwatched })).rejects.toBeInstanceOf(LockHeld);
      await lock.release();
      expect(await left()).toEqual([]);
      const dead = { ...systemIdentity().own(), started: "1", token: "dead", beat: "0" };
      await writeFile(path, JSON.stringify(dead));
      await (await take({ fs, ...unwatched })).release();
      expect(await left()).toEqual([]);
    },
  );

  it("that is empty, after a loss of power, is taken over", async () => {
    await writeFile(path, "");
    await (await take()).release();
    expect(await left()).toEqual([]);
  });
});

describe("a holder whose lock was taken", () => {
  const steal = async () => {
    const thief = await take({ identity: processOf(2, "elsewhere") });
    return { thief, text: await readFile(path, "utf8") };
  };

  it("is told by its next beat, and leaves the other's lock alone", async () => {
    let told: (error: LockLost) => void = () => {};
    const lost = new Promise<LockLost>((resolve) => {
      told = resolve;
    });
    const identity = processOf(1, "elsewhere");
    let paused = true;
    // A suspended process: nothing of it happens until it goes on.
    const fs = withFs({
      open: ((...args: Parameters<typeof nodeFs.open>) =>
        paused && args[1] === "r+"
          ? Promise.reject(new Error("suspended"))
          : nodeFs.open(...args)) as typeof nodeFs.open,
    });
    const holder = await take({ identity, fs, onLost: told });
    const { thief } = await steal();
    paused = false;
    expect(await lost).toBeInstanceOf(LockLost);
    await expect(holder.assertHeld()).rejects.toBeInstanceOf(LockLost);
    await holder.release();
    await thief.assertHeld();
    await thief.release();
  });

  it("finds it before it writes, also before its next beat", async () => {
    const onLost = vi.fn();
    const holder = await take({ identity: processOf(1, "elsewhere"), rhythm: still, onLost });
    await holder.assertHeld();
    const { thief } = await steal();
    await expect(holder.assertHeld()).rejects.toBeInstanceOf(LockLost);
    await expect(holder.assertHeld()).rejects.toBeInstanceOf(LockLost);
    expect(onLost).toHaveBeenCalledTimes(1);
    await thief.assertHeld();
    await thief.release();
  });

  it("takes nothing away when it lets go first", async () => {
    const holder = await take({ identity: processOf(1, "elsewhere"), rhythm: still });
    const { thief } = await steal();
    await holder.release();
    await thief.assertHeld();
    await thief.release();
    expect(await left()).toEqual([]);
  });
});

describe("many takers", () => {
  /** Each call takes some turns of the event loop, each time others: a race in one process. */
  function slowFs(seed: number, links: boolean) {
    let state = seed;
    const delay = async () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      for (let turns = state % 7; turns > 0; turns--) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const slow =
      <Args extends unknown[], Value>(call: (...args: Args) => Promise<Value>) =>
      async (...args: Args) => {
        await delay();
        const value = await call(...args);
        await delay();
        return value;
      };
    const fs = links ? nodeFs : noLinks("EPERM");
    return withFs({
      open: slow(nodeFs.open) as typeof nodeFs.open,
      link: slow(fs.link),
      rename: slow(nodeFs.rename),
      rm: slow(nodeFs.rm),
    });
  }

  it.each([
    [true, 2],
    [true, 40],
    [false, 2],
    [false, 40],
  ])("of a dead one's lock: one gets it (hard links: %s, takers: %i)", async (links, takers) => {
    for (let seed = 1; seed <= 10; seed++) {
      const dead = processOf(1000);
      await take({ identity: dead, rhythm: still, fs: slowFs(seed, links) });
      alive.delete(1000);
      const all = await Promise.allSettled(
        Array.from({ length: takers }, (_, n) =>
          take({ identity: processOf(n + 1), fs: slowFs(seed * 100 + n, links) }),
        ),
      );
      const won = all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      expect(won).toHaveLength(1);
      for (const one of all) {
        if (one.status === "rejected") expect(one.reason).toBeInstanceOf(LockHeld);
      }
      await won[0]?.assertHeld();
      await won[0]?.release();
      expect(await left()).toEqual([]);
    }
  });

  it.each([true, false])(
    "that take, let go and die again and again never have it twice (hard links: %s)",
    async (links) => {
      let holders = 0;
      let held = 0;
      let pid = 0;
      const worker = async (seed: number) => {
        for (let round = 0; round < 25; round++) {
          pid++;
          const own = pid;
          const fs = slowFs(seed * 1000 + round, links);
          const lock: FileLock | null = await take({
            identity: processOf(own),
            fs,
            rhythm: still,
          }).catch((error: unknown) => {
            if (error instanceof LockHeld) return null;
            throw error;
          });
          if (!lock) continue;
          holders++;
          held++;
          expect(holders).toBe(1);
          await lock.assertHeld();
          await new Promise((resolve) => setImmediate(resolve));
          expect(holders).toBe(1);
          holders--;
          // Every other one dies with it.
          if (own % 2 === 0) alive.delete(own);
          else await lock.release();
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => worker(n + 1)));
      expect(held).toBeGreaterThan(10);
    },
  );

  it("goes on where a taker died between its two steps", async () => {
    const dead = processOf(1000);
    await take({ identity: dead, rhythm: still });
    alive.delete(1000);
    const dying = withFs({ rename: () => new Promise(() => {}) });
    const reached = new Promise<void>((resolve) => {
      dying.rename = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    void take({ identity: processOf(1), fs: dying });
    await reached;
    await expect(take({ identity: processOf(2), ...unwatched })).rejects.toBeInstanceOf(LockHeld);
    alive.delete(1);
    const lock = await take({ identity: processOf(3), ...unwatched });
    await lock.assertHeld();
    await lock.release();
    expect((await left()).filter((name) => !name.endsWith(".draft"))).toEqual([]);
  });
});

describe("a lock file of an earlier form", () => {
  const outbox = () => ({ pid: process.pid, host: hostname(), token: crypto.randomUUID() });

  it("of an outbox: its holder is alive while the file's time moves, whatever it is", async () => {
    await writeFile(path, JSON.stringify(outbox()));
    let time = 1_000;
    const beat = setInterval(() => void utimes(path, ++time, time).catch(() => {}), 10);
    await expect(take()).rejects.toBeInstanceOf(LockHeld);
    clearInterval(beat);
    await (await take()).release();
  });

  it("of a data folder: its holder is alive while its process is", async () => {
    const { pid, started } = systemIdentity().own();
    await writeFile(path, JSON.stringify({ pid, started, token: crypto.randomUUID() }));
    if (started) await expect(take(unwatched)).rejects.toBeInstanceOf(LockHeld);
    await writeFile(path, JSON.stringify({ pid, started: "1", token: crypto.randomUUID() }));
    await (await take()).release();
  });
});
