import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, Mayfly, type Message, type SpawnOptions } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
let mayfly: Mayfly;
/** Spawns agents whose way to the server can be cut. */
let behind: Mayfly;
const agents: Agent[] = [];
beforeAll(async () => {
  local = await startTestLocal({ limits: { joinErrorBackoffMs: 50 } });
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  behind = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
});
afterEach(async () => {
  proxy.up();
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
  await Promise.all([behind.close(), mayfly.close()]);
});

async function spawn(options: SpawnOptions = {}, by = mayfly): Promise<Agent> {
  const agent = await spawnIn(by, { lifetime: 300, ...options });
  agents.push(agent);
  return agent;
}

/** What an agent gets, and a promise for so many. */
function gather(agent: Pick<Agent, "on">, type = "*") {
  const got: Message[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  const off = agent.on(
    type,
    (message) => {
      got.push(message);
      wake();
    },
    {
      onError: (error) => {
        errors.push(error);
        wake();
      },
    },
  );
  const until = async (holds: () => boolean) => {
    while (!holds())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { got, errors, off, until, count: (n: number) => until(() => got.length >= n) };
}
const numbers = (messages: Message[]) => messages.map(({ payload }) => payload.n);
const send = async (from: Agent, to: Parameters<Agent["send"]>[0], n: number, more = {}) =>
  dataOf(await from.send(to, "tick", { n }, more));

/** Every delivery of a recipient that is not acknowledged. */
const waiting = async (agent: Agent) => {
  const rows = await local.sql`
    select seq::int from mayfly.deliveries where recipient_id = ${agent.id} and acknowledged_at is null order by seq`;
  return rows.map((row) => row.seq);
};

const acknowledged = async (id: string): Promise<number> => {
  const [row] = await local.sql`
    select count(*)::int as count from mayfly.deliveries where recipient_id = ${id} and acknowledged_at is not null`;
  return row?.count;
};

describe("messages", () => {
  it("go from one agent to another and back, typed, stamped, answered, acknowledged", async () => {
    const [ada, bob] = [await spawn({ name: "ada" }), await spawn({ name: "bob" })];
    bob.on("query", async (message) => {
      const { question } = message.payload;
      dataOf(await message.reply({ heard: question, from: message.senderId }));
    });
    const reply = dataOf(
      await ada.request(bob.id, "query", { question: "Which port?" }, { correlationId: "c-1" }),
    );
    expect(reply).toMatchObject({
      type: "response",
      payload: { heard: "Which port?", from: ada.id },
      senderId: bob.id,
      senderKind: "agent",
      correlationId: "c-1",
      attempt: 1,
    });
    expect(reply.sentAt).toBeInstanceOf(Date);
    const inbox = gather(bob, "task_handoff");
    dataOf(await ada.messages.handoff("Rotate", bob.id, "I may not", { key_id: "k1" }));
    await inbox.count(1);
    expect(inbox.got[0]?.payload).toEqual({
      task: "Rotate",
      reason: "I may not",
      context: { key_id: "k1" },
    });
    await Promise.all([ada.close(), bob.close()]);
    expect([await waiting(ada), await waiting(bob)]).toEqual([[], []]);
  });

  it("wait for who is away, and come once, in order, whatever the connection does", async () => {
    const ada = await spawn();
    const bob = await spawn({}, behind);
    for (let n = 0; n < 5; n++) await send(ada, bob.id, n);
    const inbox = gather(bob);
    await inbox.count(5);
    for (let n = 5; n < 10; n++) await send(ada, bob.id, n);
    await inbox.count(10);
    proxy.down();
    for (let n = 10; n < 15; n++) await send(ada, bob.id, n);
    proxy.up();
    for (let n = 15; n < 20; n++) {
      proxy.closeSockets();
      await send(ada, bob.id, n);
    }
    await inbox.count(20);
    expect(numbers(inbox.got)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(inbox.got.every(({ attempt }) => attempt === 1)).toBe(true);
  }, 60_000);

  it("that are sent at once go in few calls, in their order, a bad one failing alone", async () => {
    const ada = await spawn({}, behind);
    const bob = await spawn();
    const inbox = gather(bob);
    const before = proxy.requests.length;
    const sent = await Promise.all(
      Array.from({ length: 150 }, (_, n) =>
        ada.send(n === 70 ? randomUUID() : bob.id, "tick", { n }),
      ),
    );
    expect(sent.flatMap(({ error }, n) => (error ? [[n, error.code]] : []))).toEqual([
      [70, "recipient_unknown"],
    ]);
    const calls = proxy.requests
      .slice(before)
      .filter((path) => path.endsWith("/rpc/send_messages")).length;
    expect(calls).toBeLessThan(6);
    await inbox.count(149);
    expect(numbers(inbox.got)).toEqual(
      Array.from({ length: 150 }, (_, n) => n).filter((n) => n !== 70),
    );
  });

  it("are sent once although the answer was lost", async () => {
    const ada = await spawn({}, behind);
    const bob = await spawn();
    proxy.loseAnswers("/rpc/send_messages", 2);
    const first = await send(ada, bob.id, 1);
    expect(await send(ada, bob.id, 1, { id: first.id })).toEqual(first);
    await send(ada, bob.id, 2);
    const inbox = gather(bob);
    await inbox.count(2);
    expect(numbers(inbox.got)).toEqual([1, 2]);
  });

  it("above 64 KB come too, and at 256 KB they are refused", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const inbox = gather(bob);
    await send(ada, bob.id, 0);
    await inbox.count(1);
    dataOf(await ada.send(bob.id, "big", { n: 1, text: "x".repeat(100_000) }));
    await send(ada, bob.id, 2);
    await inbox.count(3);
    expect(numbers(inbox.got)).toEqual([0, 1, 2]);
    const { error } = await ada.send(bob.id, "big", { text: "x".repeat(262_144) });
    expect(error).toMatchObject({ code: "invalid_request", details: { field: "payload" } });
  });

  it("reach all, a type and a capability, and say when there is nobody", async () => {
    const ada = await spawn();
    const critic = await spawn({ type: "critic", capabilities: ["review"] });
    const bob = await spawn();
    const [one, two] = [gather(critic), gather(bob)];
    expect(await send(ada, { all: true }, 1)).toMatchObject({ recipients: 2 });
    expect(await send(ada, { type: "critic" }, 2)).toMatchObject({ recipients: 1 });
    expect(await send(ada, { capability: "review" }, 3)).toMatchObject({ recipients: 1 });
    await Promise.all([one.count(3), two.count(1)]);
    expect(numbers(one.got)).toEqual([1, 2, 3]);
    expect((await ada.send({ role: "nobody" }, "tick", {})).error?.code).toBe("no_recipient");
    await bob.stop();
    expect((await ada.send(bob.id, "tick", {})).error?.code).toBe("recipient_not_alive");
  });

  it("that nobody answers in time fail, and a late answer bothers nobody", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const inbox = gather(bob, "query");
    const { error } = await ada.request(
      bob.id,
      "query",
      { question: "Anyone?" },
      { timeoutMs: 300 },
    );
    expect(error?.code).toBe("request_timeout");
    await inbox.count(1);
    const others = gather(ada);
    dataOf((await inbox.got[0]?.reply({ answer: "late" })) as { data: unknown; error: null });
    await send(bob, ada.id, 1);
    await others.count(1);
    expect(others.got.map(({ type }) => type)).toEqual(["tick"]);
  });

  it("can be asked for in a handler, while others wait their turn", async () => {
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

  it("whose handler throws are tried again, then left, and the others go on", async () => {
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

  it("that ask, and whose handler throws, are answered with its failure, and not left behind", async () => {
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
    // The answer of one that nobody waits for any more stays in no inbox.
    const late = await ada.request(bob.id, "query", { question: "?" }, { timeoutMs: 1 });
    expect(late.error?.code).toBe("request_timeout");
    const again = await ada.request(bob.id, "query", { question: "?" });
    expect(again.error?.code).toBe("handler_failed");
    await Promise.all([ada.close(), bob.close()]);
    expect(await waiting(ada)).toEqual([]);
    expect(await waiting(bob)).toEqual([]);
  });

  it("that a process did not acknowledge come to the next one, which takes the inbox over", async () => {
    const ada = await spawn();
    const first = await spawn({ registrationKey: "worker" });
    const reached = new Promise<void>((resolve) => {
      // It never comes to an end: as a process that crashes.
      first.on("tick", ({ payload }) => {
        if (payload.n !== 2) return;
        resolve();
        return new Promise(() => {});
      });
    });
    const lost = gather(first, "other");
    for (const n of [1, 2, 3]) await send(ada, first.id, n);
    await reached;
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

  it("that a process handled and was killed before it could say so come again, marked, and no other does", async () => {
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
      // What is handled is said within 20 ms: these are to be said.
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
        // Broadcast to the first, as far as the server knows.
        [4, 2],
        [5, 1],
      ]);
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true });
    }
  });

  it("are refused to who may not, and checked before they are sent", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const mute = await spawn({ scopes: ["message:read"] });
    const deaf = await spawn({ scopes: ["message:send"] });
    expect((await mute.send(bob.id, "tick", {})).error?.code).toBe("scope_missing");
    const inbox = gather(deaf);
    await inbox.until(() => inbox.errors.length > 0);
    expect(inbox.errors).toMatchObject([{ code: "scope_missing" }]);
    const bad = await ada.send(bob.id, "query", {} as { question: string });
    expect(bad.error).toMatchObject({
      code: "invalid_request",
      details: { field: "payload.question" },
    });
    const unfit = await Promise.all([
      ada.send(bob.id, "tick", { n: 1n }),
      ada.request(bob.id, "tick", { n: 1n }, { timeoutMs: 60_000 }),
      ada.send(bob.id, "tick", {}, { deadline: new Date("soon") }),
      ada.send(bob.id, "tick", {}, { correlationId: "a\0b" }),
    ]);
    expect(unfit.map(({ error }) => error?.code)).toEqual(Array(4).fill("invalid_request"));
    expect(unfit.map(({ error }) => error?.hint)).not.toContain(null);
    expect(unfit[3]?.error?.message).toBe("A text must not have U+0000 or half a surrogate pair.");
    const elsewhere = await local.enter();
    const stranger = await spawnIn(elsewhere.mayfly);
    agents.push(stranger);
    expect((await stranger.send(ada.id, "tick", {})).error?.code).toBe("recipient_unknown");
    const heard = gather(mayfly.messages);
    await heard.until(() => heard.errors.length > 0);
    expect(heard.errors).toMatchObject([{ code: "no_inbox" }]);
  });

  it("go to people and come from them, but not from viewers", async () => {
    const ada = await spawn();
    const signIn = async (role: string) => {
      const client = createClient(local.apiUrl, local.publishableKey, {
        auth: { persistSession: false, autoRefreshToken: false },
      });
      const { data } = await client.auth.signUp({
        email: `${randomUUID()}@example.com`,
        password: "correct horse battery",
      });
      const id = data.user?.id ?? "";
      await local.sql`insert into mayfly.members (tenant_id, user_id, role) values (${tenant}, ${id}, ${role})`;
      return { id, app: new Mayfly({ url: local.apiUrl, key: local.publishableKey, client }) };
    };
    const [member, viewer] = [await signIn("member"), await signIn("viewer")];
    ada.on("query", async (message) => void (await message.reply({ to: message.senderKind })));
    const reply = dataOf(await member.app.messages.request(ada.id, "query", { question: "?" }));
    expect(reply.payload).toEqual({ to: "person" });
    const inbox = gather(viewer.app.messages);
    await send(ada, viewer.id, 1);
    await inbox.count(1);
    expect((await viewer.app.messages.send(ada.id, "tick", {})).error?.code).toBe("scope_missing");
    await Promise.all([member.app.close(), viewer.app.close()]);
  });
});
