import { randomUUID } from "node:crypto";
import { type Agent, Mayfly, type PresenceChange, type PresentAgent } from "@mayfly/sdk";
import { fromDataApi, openInbox } from "@mayfly/sdk/internal";
import { createClient } from "@supabase/supabase-js";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { inSeconds, makeAgent } from "#harness/callers";
import { local, mayfly, proxy, setUp, spawn as spawnLive, tenant, watched } from "#harness/live";
import { tokenOf } from "#harness/local";

setUp();

function spawn(name: string, by: Mayfly | Agent = mayfly, scopes?: string[]) {
  return spawnLive({ name, ...(scopes && { scopes }) }, by);
}

/** Watches presence, keeps who was present at each change, and can wait for an expected state. */
async function look(by: Mayfly["agents"] | Agent["presence"]) {
  const states: PresentAgent[][] = [];
  const changes: PresenceChange[] = [];
  const waiting: { holds: (present: PresentAgent[]) => boolean; resolve: () => void }[] = [];
  const watching = await by.watch((present, change) => {
    states.push(present);
    changes.push(change);
    for (const { holds, resolve } of waiting) if (holds(present)) resolve();
  });
  return {
    states,
    changes,
    stop: watching.data,
    error: watching.error,
    until: (holds: (present: PresentAgent[]) => boolean) =>
      new Promise<void>((resolve) => {
        if (holds(states.at(-1) ?? [])) resolve();
        else waiting.push({ holds, resolve });
      }),
  };
}
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
const names = (present: PresentAgent[]) => present.map(({ name }) => name).sort();

describe("presence", () => {
  it("shows who joined, changed and left", async () => {
    const { changes, until } = await look(watched.agents);
    const ada = await spawn("ada");
    await until((present) => present.length === 1);
    dataOf(await ada.presence.track({ status: "reading", metadata: { page: 1 } }));
    await until(([first]) => first?.metadata?.page === 1);
    dataOf(await ada.presence.track({ metadata: { page: 2 } }));
    await until(([first]) => first?.metadata?.page === 2);
    await ada.presence.leave();
    await until((present) => present.length === 0);
    const steps = changes.filter(
      ({ joined, left, changed }) => joined.length + left.length + changed.length > 0,
    );
    expect(steps).toMatchObject([
      { joined: [{ id: ada.id, name: "ada", activity: "idle" }] },
      { changed: [{ id: ada.id, status: "reading", metadata: { page: 1 } }], joined: [], left: [] },
      { changed: [{ id: ada.id, status: "reading", metadata: { page: 2 } }], joined: [], left: [] },
      { left: [{ id: ada.id }] },
    ]);
  });

  it("shows an agent that never calls track, from its spawn to its end", async () => {
    const { until, states } = await look(watched.agents);
    const silent = await spawn("silent", mayfly, ["memory:read"]);
    await until((present) => names(present).join() === "silent");
    dataOf(await silent.stop());
    await until((present) => present.length === 0);
    expect(states.flat().every(({ status }) => status === undefined)).toBe(true);
  });

  it("shows only living agents, under their names in the table", async () => {
    const { until, states } = await look(watched.agents);
    const forger = await spawn("forger");
    const channel = forger.client.channel(`tenant:${tenant}:agents`, {
      config: { private: true, presence: { key: crypto.randomUUID() } },
    });
    await forger.client.realtime.setAuth();
    await new Promise<void>((resolve) =>
      channel.subscribe((status) => status === "SUBSCRIBED" && resolve()),
    );
    expect(await channel.track({ name: "nobody" })).toBe("ok");
    await forger.client.removeChannel(channel);
    const liar = await spawn("liar");
    dataOf(await liar.presence.track({ name: "the boss", status: "here" } as never));
    await until((present) => present.some(({ status }) => status === "here"));
    expect(new Set(states.flat().map(({ name }) => name))).toEqual(new Set(["forger", "liar"]));
  });

  it("recovers after watchers and watched agents lost their connections", async () => {
    const { until } = await look(watched.agents);
    const other = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
    const [ada, bob] = [await spawn("ada", other), await spawn("bob", other)];
    dataOf(await ada.presence.track({ status: "one" }));
    dataOf(await bob.presence.track({ status: "one" }));
    await until((present) => present.length === 2);
    proxy.closeSockets();
    await bob.stop();
    await until((present) => names(present).join() === "ada");
    await other.close();
  });

  it("forgets an agent after the death of its process", async () => {
    const { until } = await look(watched.agents);
    const gone = await spawn("gone");
    dataOf(await gone.presence.track({ status: "working" }));
    await until(([first]) => first?.status === "working");
    // Does what the kernel does when a process dies: the server is not told.
    await gone.client.realtime.disconnect();
    await until((present) => present.length === 0);
  });

  it("is refused without the scope, and sends agents nothing unless they watch", async () => {
    const agent = await spawn("plain");
    expect((await look(agent.presence)).error).toMatchObject({ code: "scope_missing" });
    expect(agent.scopes).not.toContain("presence:read");
    const seer = await spawn("seer", mayfly, ["presence:read", "presence:write"]);
    const { until } = await look(seer.presence);
    dataOf(await seer.presence.track({ status: "watching" }));
    await until((present) => present.some(({ status }) => status === "watching"));
    const large = await seer.presence.track({ metadata: { text: "x".repeat(300_000) } });
    expect(large.error).toMatchObject({ code: "invalid_request", details: { field: "state" } });
    expect((await seer.presence.track({ metadata: { n: 1n } })).error?.code).toBe(
      "invalid_request",
    );
    dataOf(await seer.presence.track({ task: "still there" }));
    await until((present) => present.some(({ task }) => task === "still there"));
    const mute = await spawn("mute", mayfly, ["memory:read"]);
    expect((await mute.presence.track({ status: "here" })).error?.code).toBe("not_authorized");
  });
});

describe("a live connection", () => {
  it("closes at once when its agent or a parent is stopped or suspended", async () => {
    const parent = await spawn("parent", mayfly, ["agent:spawn", "presence:write", "memory:read"]);
    const child = await spawn("child", parent);
    const resting = await spawn("resting");
    for (const agent of [parent, child, resting])
      dataOf(await agent.presence.track({ status: "here" }));
    const watch = dataOf(await child.log.watch({}, () => {}));
    dataOf(await mayfly.agents.stop(parent.id, "enough"));
    dataOf(await mayfly.agents.suspend(resting.id, "later"));
    expect(await parent.ended).toMatchObject({
      code: "agent_not_alive",
      details: { reason: "enough" },
    });
    expect(await child.ended).toMatchObject({ code: "agent_not_alive" });
    expect(await resting.ended).toMatchObject({ code: "agent_suspended" });
    await watch.ended;
    for (const agent of [parent, child, resting])
      expect(agent.client.getChannels()).toHaveLength(0);
  });

  it("receives at once an event that is only for its agent", async () => {
    const agent = await spawn("discreet");
    const seen = Promise.withResolvers<string>();
    const watch = dataOf(
      await agent.log.watch({ types: ["memory.*"], pollMs: 3_600_000 }, ({ events }) =>
        seen.resolve(String(events[0]?.subject)),
      ),
    );
    const { id } = dataOf(await agent.remember({ task: "a secret", visibility: "agent" }));
    dataOf(await agent.sync({ pull: false }));
    expect(await seen.promise).toBe(id);
    await watch.stop();
  });

  it("continues with new tokens, without missing anything", async () => {
    const agent = await spawn("reader");
    const writer = await spawn("writer");
    const seen: string[] = [];
    let wake = () => {};
    const watch = dataOf(
      await agent.log.watch({ types: ["memory.*"], pollMs: 3_600_000 }, ({ events }) => {
        for (const { subject } of events) seen.push(String(subject));
        wake();
      }),
    );
    const written: string[] = [];
    for (let round = 0; round < 3; round++) {
      dataOf(await agent.renew());
      written.push(dataOf(await writer.remember({ task: `round ${round}` })).id);
      dataOf(await writer.sync({ pull: false }));
      while (seen.length < written.length)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    expect(seen).toEqual(written);
    await watch.stop();
  });

  it("of a client that ignores the stop of its agent ends with the token", async () => {
    const { claims } = await makeAgent(local.sql, tenant);
    for (let seconds = 4; ; seconds *= 2) {
      const token = await tokenOf(local, { ...claims, exp: inSeconds(seconds) });
      const accessToken = async () => token;
      const client = createClient(local.apiUrl, local.publishableKey, { accessToken });
      await client.realtime.setAuth();
      const channel = client.channel(`tenant:${tenant}:log`, { config: { private: true } });
      const joined = Promise.withResolvers<boolean>();
      const closed = Promise.withResolvers<void>();
      const said: string[] = [];
      channel.on("system", {}, ({ message }) => said.push(message));
      channel.subscribe((status) => {
        joined.resolve(status === "SUBSCRIBED");
        if (status !== "SUBSCRIBED") closed.resolve();
      });
      const inTime = await joined.promise;
      if (inTime) {
        dataOf(await mayfly.agents.stop(String(claims.sub)));
        await closed.promise;
        expect(said.join()).toContain("Token has expired");
      }
      await client.realtime.disconnect();
      if (inTime) break;
    }
  });

  it("of a client that ignores the end of its agent receives nothing else", async () => {
    const bob = await spawn("bob", mayfly, ["message:send", "message:read", "memory:write"]);
    for (const [what, ends] of [
      ["stopped", (id: string) => mayfly.agents.stop(id)],
      ["suspended", (id: string) => mayfly.agents.suspend(id)],
    ] as const) {
      const ada = await spawn(`${what} ada`, mayfly, ["message:send", "message:read"]);
      // The agent's inbox is open, so messages would be broadcast to it.
      dataOf(fromDataApi(await ada.client.rpc("open_inbox", { session: randomUUID() }), openInbox));
      dataOf(await ada.send(bob.id, "tick", { from: what }));
      const { claims } = await makeAgent(local.sql, tenant);
      const token = await tokenOf(local, { ...claims, sub: ada.id });
      const client = createClient(local.apiUrl, local.publishableKey, {
        accessToken: async () => token,
      });
      await client.realtime.setAuth();
      const topic = `tenant:${tenant}:agent:${ada.id}`;
      const heard: string[] = [];
      const marked = Promise.withResolvers<void>();
      const config = { private: true, broadcast: { replication_ready: true } };
      const channel = client.channel(topic, { config });
      channel.on("broadcast", { event: "*" }, ({ event }) => {
        heard.push(event);
        if (event === "marker") marked.resolve();
      });
      await new Promise<void>((resolve) => {
        channel.on("system", {}, () => resolve());
        channel.subscribe();
      });
      expect((await ends(ada.id)).error).toBeNull();
      const acknowledged = new Promise<void>((resolve) => {
        const off = bob.on("tick", ({ payload }) => {
          if (payload.from === what) {
            off();
            resolve();
          }
        });
      });
      await acknowledged;
      // If Ada still received broadcasts, she would hear of this acknowledgement. If she is only suspended, she would
      // also hear of the next message.
      await until(async () => {
        const [row] = await local.sql`
          select count(*)::int as count from mayfly.events where audience = ${ada.id} and type = 'message.acknowledged'`;
        return row?.count === 1;
      });
      const { error } = await bob.send(ada.id, "tick", {});
      expect(error?.code ?? "sent").toBe(what === "stopped" ? "recipient_not_alive" : "sent");
      await local.sql`select realtime.send('{}', 'marker', ${topic}, true)`;
      await marked.promise;
      expect(heard).toEqual(["control", "marker"]);
      await client.removeAllChannels();
      await client.realtime.disconnect();
    }
  });

  it("ends without an error when the agent stops itself", async () => {
    const agent = await spawn("quiet");
    dataOf(await agent.stop());
    expect(await agent.ended).toBeNull();
  });
});
