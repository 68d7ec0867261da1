import { randomUUID } from "node:crypto";
import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import {
  agents,
  behind,
  gather,
  local,
  mayfly,
  numbers,
  proxy,
  send,
  setUp,
  spawn,
  tenant,
  waiting,
} from "./live-agents.ts";

setUp();

describe("messages", () => {
  it("go from one agent to another and back, and are typed, stamped, answered and acknowledged", async () => {
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

  it("wait for an agent that is away, and arrive once and in order, whatever the connection does", async () => {
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
  });

  it("that are sent at the same time share few calls, keep their order, and only an invalid one fails", async () => {
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

  it("that a handler sends carry the acknowledgement of the previous message", async () => {
    const ada = await spawn();
    const bob = await spawn({}, behind);
    bob.on("query", async (message) => {
      dataOf(await message.reply({}));
    });
    const before = proxy.requests.length;
    const questions = Array.from({ length: 20 }, () =>
      ada.request(bob.id, "query", { question: "?" }),
    );
    for (const reply of await Promise.all(questions)) dataOf(reply);
    await bob.close();
    const calls = (name: string) =>
      proxy.requests.slice(before).filter((path) => path.endsWith(`/rpc/${name}`)).length;
    expect(calls("send_messages")).toBe(20);
    // Only the last one needs its own call.
    expect(calls("acknowledge_messages")).toBe(1);
    expect(await waiting(bob)).toEqual([]);
  });

  it("are sent once even if the answer was lost", async () => {
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

  it("above 64 KB arrive, and above 256 KB are refused", async () => {
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

  it("reach all agents, a type or a capability, and fail if there is nobody", async () => {
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

  it("that nobody answers in time fail, and a late answer is ignored", async () => {
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

  it("are refused without the scope, and checked before they are sent", async () => {
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
