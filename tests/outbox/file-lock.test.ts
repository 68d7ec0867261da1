import { spawn } from "node:child_process";
import { once } from "node:events";
import * as nodeFs from "node:fs/promises";
import { readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { LockHeld, LockLost, systemIdentity } from "@mayfly/sdk/internal";
import { describe, expect, it, vi } from "vitest";
import { canUnshare } from "#harness/needs";
import {
  children,
  left,
  noLinks,
  path,
  processOf,
  setUp,
  still,
  take,
  takeElsewhere,
  unwatched,
  withFs,
} from "./lock-takers.ts";

setUp();

describe("a lock on a file", () => {
  it("belongs to one process, leaves nothing behind, and is free after its release", async () => {
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
    "of a killed process whose parent has not asked for its exit status (a zombie) is taken over at once",
    async () => {
      const script = `const { lockFile } = await import(${JSON.stringify(new URL("../../sdk/src/outbox/file-lock.ts", import.meta.url).href)});
        await lockFile(${JSON.stringify(path)}); console.log(process.pid); setInterval(() => {}, 1000);`;
      // The shell becomes `sleep`, which never waits for its child, so the killed child stays a zombie.
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
      await vi.waitUntil(
        async () => / Z /.test(await readFile(`/proc/${pid}/stat`, "utf8")),
        30_000,
      );
      await (await take(unwatched)).release();
    },
  );

  it("of a reused pid is taken over at once", async () => {
    const own = systemIdentity().own();
    await writeFile(path, JSON.stringify({ ...own, started: "1", token: "dead", beat: "0" }));
    await (await take(unwatched)).release();
  });

  it("of a process that is suspended for a while is not taken over", async () => {
    const other = await takeElsewhere();
    process.kill(other.pid, "SIGSTOP");
    await expect(take(unwatched)).rejects.toBeInstanceOf(LockHeld);
  });

  it.runIf(canUnshare)(
    "belongs to only one of two processes that both have the pid 1",
    async () => {
      const one = await takeElsewhere(true);
      const two = await takeElsewhere(true);
      expect(one.said).toBe("holds as 1");
      expect(two.said).toBe(`${path} is held by process 1 on ${hostname()}.`);
      // This test's process does not get it either. It cannot see the holder, which is in another pid namespace.
      await expect(take()).rejects.toBeInstanceOf(LockHeld);
      await one.kill();
      const three = await takeElsewhere(true);
      expect(three.said).toBe("holds as 1");
    },
  );

  it("of a process in another container is kept while the process renews it, and otherwise taken over", async () => {
    const beating = await take({ identity: processOf(1, "elsewhere") });
    await expect(take({ identity: processOf(2, "elsewhere") })).rejects.toBeInstanceOf(LockHeld);
    await beating.release();
    await take({ identity: processOf(1, "elsewhere"), rhythm: still });
    const watched = vi.fn();
    const taken = await take({ identity: processOf(2, "elsewhere"), onWatch: watched });
    expect(watched).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ pid: 1 }), 400);
    await taken.release();
  });

  it("does not depend on any clock", async () => {
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

  it("that is empty after a power loss is taken over", async () => {
    await writeFile(path, "");
    await (await take()).release();
    expect(await left()).toEqual([]);
  });
});

describe("a holder that has lost its lock", () => {
  const steal = async () => {
    const thief = await take({ identity: processOf(2, "elsewhere") });
    return { thief, text: await readFile(path, "utf8") };
  };

  it("notices the loss with its next beat, and leaves the new lock alone", async () => {
    let told: (error: LockLost) => void = () => {};
    const lost = new Promise<LockLost>((resolve) => {
      told = resolve;
    });
    const identity = processOf(1, "elsewhere");
    let paused = true;
    // The process is suspended, so it does nothing until it continues.
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

  it("notices the loss before it writes, even before its next beat", async () => {
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

  it("removes nothing when it releases the lock", async () => {
    const holder = await take({ identity: processOf(1, "elsewhere"), rhythm: still });
    const { thief } = await steal();
    await holder.release();
    await thief.assertHeld();
    await thief.release();
    expect(await left()).toEqual([]);
  });
});

describe("a lock file of an earlier form", () => {
  const outbox = () => ({ pid: process.pid, host: hostname(), token: crypto.randomUUID() });

  it("of an outbox counts as held while the file's time changes", async () => {
    await writeFile(path, JSON.stringify(outbox()));
    let time = 1_000;
    const beat = setInterval(() => void utimes(path, ++time, time).catch(() => {}), 10);
    await expect(take()).rejects.toBeInstanceOf(LockHeld);
    clearInterval(beat);
    await (await take()).release();
  });

  it("of a data folder counts as held while the process is alive", async () => {
    const { pid, started } = systemIdentity().own();
    await writeFile(path, JSON.stringify({ pid, started, token: crypto.randomUUID() }));
    if (started) await expect(take(unwatched)).rejects.toBeInstanceOf(LockHeld);
    await writeFile(path, JSON.stringify({ pid, started: "1", token: crypto.randomUUID() }));
    await (await take()).release();
  });
});
