import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { dataOf } from "#harness/agents";
import {
  acknowledged,
  gather,
  local,
  numbers,
  send,
  setUp,
  spawn,
  tenant,
  waiting,
} from "./live-agents.ts";

setUp();

describe("messages", () => {
  it("wait while a handler sends a request and waits for the reply", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    ada.on("query", async (message) => void (await message.reply({ answer: 1 })));
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      bob.on("tick", async ({ payload }) => {
        order.push(`begin ${payload.n}`);
        dataOf(await bob.request(ada.id, "query", { question: "?" }));
        order.push(`end ${payload.n}`);
        if (payload.n === 2) resolve();
      });
    });
    await Promise.all([send(ada, bob.id, 1), send(ada, bob.id, 2)]);
    await done;
    expect(order).toEqual(["begin 1", "end 1", "begin 2", "end 2"]);
  });

  it("without a handler wait for one", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const ticks = gather(bob, "tick");
    dataOf(await ada.send(bob.id, "tock", { n: 1 }));
    await send(ada, bob.id, 2);
    dataOf(await ada.send(bob.id, "tock", { n: 3 }));
    await send(ada, bob.id, 4);
    await ticks.count(2);
    const tocks = gather(bob, "tock");
    await tocks.count(2);
    dataOf(await ada.send(bob.id, "tock", { n: 5 }));
    await tocks.count(3);
    expect([numbers(ticks.got), numbers(tocks.got)]).toEqual([
      [2, 4],
      [1, 3, 5],
    ]);
  });

  it("are retried and then left if their handler throws, and other messages continue", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const tries: unknown[] = [];
    const attempts: number[] = [];
    const failures: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      bob.on(
        "tick",
        ({ payload, attempt }) => {
          tries.push(payload.n);
          attempts.push(attempt);
          if (payload.n === 1 || (payload.n === 2 && tries.filter((n) => n === 2).length < 2))
            throw new Error("broken");
          if (payload.n === 3) resolve();
        },
        {
          onError: (error, message) =>
            failures.push([(error as Error).message, message?.payload.n]),
        },
      );
    });
    for (const n of [1, 2, 3]) await send(ada, bob.id, n);
    await done;
    expect(tries).toEqual([1, 1, 1, 2, 2, 3]);
    expect(attempts).toEqual([1, 2, 3, 1, 2, 1]);
    expect(failures).toEqual([["broken", 1]]);
    await bob.close();
    expect(await waiting(bob)).toEqual([1]);
  });

  it("that are requests are answered with the failure if their handler throws, and acknowledged", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const failures: unknown[] = [];
    const attempts: number[] = [];
    const options = { onError: (error: unknown) => void failures.push(error) };
    bob.on(
      "query",
      async ({ attempt }) => {
        attempts.push(attempt);
        throw new Error("the password is 1234");
      },
      options,
    );
    const { error } = await ada.request(bob.id, "query", { question: "?" });
    expect(error).toMatchObject({
      code: "handler_failed",
      details: { from: bob.id, code: "work_failed" },
    });
    expect(JSON.stringify([error?.message, error?.details])).not.toContain("1234");
    expect(attempts).toEqual([1, 2, 3]);
    expect(failures).toHaveLength(1);
    // An answer is not kept in the inbox if nobody waits for it any longer.
    const late = await ada.request(bob.id, "query", { question: "?" }, { timeoutMs: 1 });
    expect(late.error?.code).toBe("request_timeout");
    const again = await ada.request(bob.id, "query", { question: "?" });
    expect(again.error?.code).toBe("handler_failed");
    await Promise.all([ada.close(), bob.close()]);
    expect(await waiting(ada)).toEqual([]);
    expect(await waiting(bob)).toEqual([]);
  });

  it("that a process did not acknowledge go to the next process, which takes the inbox over", async () => {
    const ada = await spawn();
    const first = await spawn({ registrationKey: "worker" });
    const reached = new Promise<void>((resolve) => {
      // It never ends, like a process that crashes.
      first.on("tick", ({ payload }) => {
        if (payload.n !== 2) return;
        resolve();
        return new Promise(() => {});
      });
    });
    const lost = gather(first, "other");
    for (const n of [1, 2, 3]) await send(ada, first.id, n);
    await reached;
    await vi.waitUntil(async () => (await waiting(first)).length === 2, 10_000);
    const second = await spawn({ registrationKey: "worker" });
    expect(second.id).toBe(first.id);
    const inbox = gather(second);
    await inbox.count(2);
    expect(inbox.got.map(({ payload, attempt }) => [payload.n, attempt])).toEqual([
      [2, 2],
      [3, 2],
    ]);
    await send(ada, first.id, 4);
    await inbox.count(3);
    expect(inbox.got[2]).toMatchObject({ attempt: 1, payload: { n: 4 } });
    await lost.until(() => lost.errors.length > 0);
    expect(lost.errors).toMatchObject([{ code: "inbox_taken" }]);
    expect((await first.request(ada.id, "query", { question: "?" })).error?.code).toBe(
      "inbox_taken",
    );
  });

  it("that a killed process handled but did not acknowledge are redelivered and marked, and no others", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mayfly-receiver-"));
    const file = join(folder, "handled");
    const ada = await spawn();
    const words = [local.apiUrl, local.secretKey, tenant, file, "3"];
    const child = fork(join(import.meta.dirname, "./receiver.ts"), words);
    try {
      const ended = once(child, "exit");
      const told = (what: string) =>
        new Promise<unknown>((resolve) =>
          child.on("message", (said: Record<string, unknown>) => {
            if (what in said) resolve(said[what]);
          }),
        );
      const id = String(await told("id"));
      for (const n of [1, 2]) await send(ada, id, n);
      // Handled messages are acknowledged within 20 ms. The next message is sent only after these two were
      // acknowledged.
      while ((await acknowledged(id)) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      const handled = told("handled");
      await send(ada, id, 3);
      expect(await handled).toBe(3);
      child.kill("SIGKILL");
      await ended;
      await send(ada, id, 4);
      const second = await spawn({ registrationKey: "worker" });
      expect(second.id).toBe(id);
      const inbox = gather(second);
      await inbox.count(2);
      await send(ada, id, 5);
      await inbox.count(3);
      expect(await readFile(file, "utf8")).toBe("1 1\n2 1\n3 1\n");
      expect(inbox.got.map(({ payload, attempt }) => [payload.n, attempt])).toEqual([
        [3, 2],
        // Message 4 was broadcast to the first process, as far as the server knows.
        [4, 2],
        [5, 1],
      ]);
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true });
    }
  });
});
