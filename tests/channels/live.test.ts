import type {
  Agent,
  Channel,
  ChannelOptions,
  Mayfly,
  MessageContent,
  SpawnOptions,
} from "@mayfly/sdk";
import { beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { agents, local, mayfly, proxy, setUp, spawn as spawnLive, watched } from "#harness/live";

let creator: Agent;
const scopes = [
  "message:read",
  "message:send",
  "memory:read",
  "channel:write",
  "channel:broadcast",
];
setUp();
beforeEach(async () => {
  creator = await spawn();
});

const spawn = (options: SpawnOptions = {}, by: Mayfly | Agent = mayfly): Promise<Agent> =>
  spawnLive({ lifetime: 300, scopes, ...options }, by);

function gather(channel: Channel, options: ChannelOptions = {}) {
  const got: unknown[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  const off = channel.on(
    (message: MessageContent) => {
      got.push(message.payload.n);
      wake();
    },
    {
      ...options,
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
const publish = async (agent: Agent, name: string, ...numbers: number[]) => {
  for (const n of numbers) dataOf(await agent.channels.publish(name, "tick", { n }));
};

describe("a channel", () => {
  it("reaches each subscriber once from its start position, whatever the connection does", async () => {
    dataOf(await creator.channels.create({ name: "news", kind: "one_way" }));
    await publish(creator, "news", 1, 2);
    const reader = await spawn({}, watched);
    const outsider = gather(reader.channels.open("news"));
    await outsider.until(() => outsider.errors.length > 0);
    expect(outsider.errors).toMatchObject([{ code: "not_subscribed" }]);
    expect(dataOf(await reader.channels.subscribe("news"))).toMatchObject({ acknowledged: 2 });
    const all = gather(reader.channels.open("news"), { since: "start" });
    const later = gather(reader.channels.open("news"));
    const second = gather(reader.channels.open("news"), { since: 1 });
    await Promise.all([all.count(2), second.count(1)]);
    await publish(creator, "news", 3);
    await later.count(1);
    proxy.down();
    await publish(creator, "news", 4, 5);
    proxy.up();
    for (const n of [6, 7, 8]) {
      proxy.closeSockets();
      await publish(creator, "news", n);
    }
    await Promise.all([all.count(8), later.count(6), second.count(7)]);
    expect(all.got).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(later.got).toEqual([3, 4, 5, 6, 7, 8]);
    expect(second.got).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect((await reader.channels.publish("news", "tick", {})).error?.code).toBe("not_publisher");
  });

  it("continues for a subscriber after its last acknowledgement", async () => {
    dataOf(await creator.channels.create({ name: "work" }));
    const first = await spawn({ registrationKey: "reader" });
    dataOf(await first.channels.subscribe("work", { since: "start" }));
    await publish(creator, "work", 1, 2, 3);
    const before = gather(first.channels.open("work"));
    await before.count(3);
    await first.close();
    await publish(creator, "work", 4, 5);
    const second = await spawn({ registrationKey: "reader" });
    const after = gather(second.channels.open("work"));
    await after.count(2);
    expect([before.got, after.got]).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    await after.off();
    const { subscribers, ...statistics } = dataOf(await creator.channels.statistics("work"));
    expect(subscribers).toMatchObject([{ id: first.id, acknowledged: 5, lag: 0 }]);
    expect(statistics).toMatchObject({ name: "work", messages: 5, lastSeq: 5, lastMinute: 5 });
  });

  it("of each kind accepts messages only from publishers, and can be listed, read, changed and deleted", async () => {
    const other = await spawn();
    const viewerLike = await spawn({ scopes: ["message:read"] });
    for (const kind of ["one_way", "two_way", "broadcast"] as const)
      dataOf(await creator.channels.create({ name: kind, kind, description: `of ${kind}` }));
    expect(dataOf(await other.channels.list())).toMatchObject([
      { name: "broadcast", kind: "broadcast", createdBy: creator.id, lastSeq: 0 },
      { name: "one_way" },
      { name: "two_way" },
    ]);
    const codeOf = async (name: string, by = other) =>
      (await by.channels.publish(name, "tick", { n: 1 })).error?.code ?? "sent";
    const all = ["one_way", "two_way", "broadcast"];
    const tried = (by: Agent) => Promise.all(all.map((name) => codeOf(name, by)));
    expect(await tried(creator)).toEqual(["sent", "sent", "sent"]);
    expect(await tried(other)).toEqual(["not_publisher", "not_publisher", "not_publisher"]);
    dataOf(await other.channels.subscribe("two_way"));
    dataOf(await creator.channels.update("one_way", { publishers: [other.id] }));
    expect(await tried(other)).toEqual(["sent", "sent", "not_publisher"]);
    expect(await tried(viewerLike)).toEqual(["scope_missing", "scope_missing", "scope_missing"]);
    const page = dataOf(await viewerLike.channels.read("broadcast"));
    expect(page).toMatchObject({
      messages: [{ seq: 1, type: "tick", payload: { n: 1 }, senderId: creator.id }],
      acknowledged: null,
      more: false,
    });
    expect((await other.channels.delete("one_way")).error?.code).toBe("scope_missing");
    dataOf(await creator.channels.delete("one_way"));
    expect((await other.channels.read("one_way")).error?.code).toBe("channel_unknown");
    expect((await creator.channels.create({ name: "two_way" })).error?.code).toBe("channel_exists");
    dataOf(await other.channels.unsubscribe("two_way"));
    expect(await codeOf("two_way")).toBe("not_publisher");
    const elsewhere = await local.enter();
    const stranger = await spawnIn(elsewhere.mayfly, { scopes });
    agents.push(stranger);
    expect(dataOf(await stranger.channels.list())).toEqual([]);
    expect((await stranger.channels.subscribe("broadcast")).error?.code).toBe("channel_unknown");
    const heard = await stranger.channels.open("broadcast").onBroadcast("*", () => {});
    expect(heard.error?.code).toBe("channel_unknown");
  });

  it("carries broadcasts from its publishers at once, and none counts as a message", async () => {
    dataOf(await creator.channels.create({ name: "live", kind: "broadcast" }));
    const other = await spawn();
    const messages = gather(other.channels.open("live"), { since: "start" });
    const heard: unknown[] = [];
    let wake = () => {};
    const thrown: unknown[] = [];
    const fails = () => {
      throw new Error("mine");
    };
    const onError = (error: unknown) => void thrown.push((error as Error).message);
    dataOf(await other.channels.open("live").onBroadcast("progress", fails, { onError }));
    dataOf(
      await other.channels.open("live").onBroadcast("*", (payload, event) => {
        heard.push([event, payload]);
        wake();
      }),
    );
    dataOf(await creator.channels.open("live").broadcast("progress", { done: 1 }));
    const forged = { seq: 1, type: "tick", sender_id: other.id, payload: { n: 666 } };
    dataOf(await creator.channels.open("live").broadcast("message", forged));
    while (heard.length < 2)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    expect(heard).toEqual([
      ["progress", { done: 1 }],
      ["message", forged],
    ]);
    // The failure of one handler does not affect the others.
    expect(thrown).toEqual(["mine"]);
    await publish(creator, "live", 1);
    await messages.count(1);
    expect(messages.got).toEqual([1]);
    const refused = await other.channels
      .open("live")
      .broadcast("progress", { done: 2 }, { timeoutMs: 300 });
    expect(refused.error?.code).toBe("broadcast_refused");
    // A publisher without the scope gets an error at once. Realtime would drop the broadcast without one.
    const without = scopes.filter((scope) => scope !== "channel:broadcast");
    const publisher = await spawn({ scopes: without });
    dataOf(await creator.channels.update("live", { publishers: [publisher.id] }));
    const missing = await publisher.channels.open("live").broadcast("progress", { done: 2 });
    expect(missing.error).toMatchObject({
      code: "scope_missing",
      details: { scope: "channel:broadcast" },
    });
    await publish(publisher, "live", 2);
    await messages.count(2);
    expect(heard.length).toBe(2);
    const live = creator.channels.open("live");
    const unfit = await Promise.all([
      live.broadcast("progress", { done: 1n }),
      live.broadcast("progress", "done" as never),
      live.broadcast("x".repeat(256), {}),
      live.broadcast("", {}),
    ]);
    expect(unfit.map(({ error }) => error?.details)).toEqual([
      { field: "payload" },
      { field: "payload" },
      { field: "event" },
      { field: "event" },
    ]);
    dataOf(await live.broadcast("progress", { done: 2 }));
  });
});
