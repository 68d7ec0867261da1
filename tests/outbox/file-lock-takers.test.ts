import * as nodeFs from "node:fs/promises";
import { type FileLock, LockHeld } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";
import {
  alive,
  left,
  noLinks,
  processOf,
  setUp,
  still,
  take,
  unwatched,
  withFs,
} from "./lock-takers.ts";

setUp();

describe("many processes that take a lock", () => {
  /** Each call takes a different number of turns of the event loop, which makes a race in one process. */
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
  ])("of a dead process get it once (hard links: %s, takers: %i)", async (links, takers) => {
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
    "never hold it twice, although they release it or die again and again (hard links: %s)",
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
          // Every second holder dies instead of releasing the lock.
          if (own % 2 === 0) alive.delete(own);
          else await lock.release();
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => worker(n + 1)));
      expect(held).toBeGreaterThan(10);
    },
  );

  it("continue after one of them died between the two steps of taking the lock", async () => {
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
