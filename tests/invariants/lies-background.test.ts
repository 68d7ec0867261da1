/**
 * What an agent does in the background while something else, such as a captive portal, a proxy or a firewall,
 * answers instead of the server.
 */
import { Mayfly } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import type { Lie } from "#harness/proxy";
import { agent, local, nobody, proxy, refusals, setUp, successes, tenant } from "./lying-server.ts";

setUp();

/** An agent that uses all kinds of background work. All of this work continues despite such answers. */
describe("the background of an agent", () => {
  const all = { ...successes, ...refusals };
  const lies = ["a sign-in page", "{}", "null", "[]", "half an answer", ...Object.keys(refusals)];
  it.each(lies)("continues after %s as if nothing had happened", async (lie) => {
    const writer = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    const peer = await spawnIn(writer);
    dataOf(await writer.channels.create({ name: "findings", kind: "broadcast" }));
    const heard: Record<string, string[]> = { inbox: [], channel: [], log: [], state: [] };
    const problems: unknown[] = [];
    const onError = (error: unknown) => void problems.push(error);
    let wake = nobody;
    const hear = (kind: string, what: string) => {
      heard[kind]?.push(what);
      wake();
    };
    const untilHeard = async (what: string) => {
      while (Object.values(heard).some((list) => !list.includes(what)))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    const tell = async (what: string) => {
      dataOf(await peer.send(agent.id, "info", { text: what }));
      dataOf(await writer.channels.publish("findings", "info", { text: what }));
      dataOf(await peer.state.shared.set("plan", what));
      await peer.remember({ task: what });
      dataOf(await peer.sync());
    };
    agent.on("info", ({ payload }) => hear("inbox", payload.text), { onError });
    const channel = agent.channels.open("findings");
    channel.on(({ payload }) => hear("channel", String(payload.text)), { since: "start", onError });
    const options = { pollMs: 100, onError };
    const tasks = ({ memories }: { memories: { task: string }[] }) => {
      for (const { task } of memories) hear("log", task);
    };
    const watch = dataOf(await agent.log.watch(options, tasks));
    const states = dataOf(
      await agent.state.shared.watch("plan", ({ value }) => hear("state", String(value)), options),
    );
    await tell("before");
    await untilHeard("before");

    const asked = [
      "rpc/pull_inbox",
      "rpc/read_channel",
      "rpc/read_log",
      "rpc/heartbeat",
      "spawn/renew",
    ];
    const requests = Promise.all(asked.map((path) => proxy.requestOf(path)));
    proxy.lie(all[lie] as Lie);
    await tell("meanwhile");
    // Everything that listens pulls when its connection is back. Before that, live messages need no request.
    proxy.closeSockets();
    expect((await agent.heartbeat()).error?.code).toBe("unavailable");
    expect((await agent.renew()).error?.code).toBe("unavailable");
    await requests;
    proxy.up();

    await tell("after");
    await untilHeard("after");
    const once = ["before", "meanwhile", "after"];
    expect(heard).toMatchObject({ inbox: once, channel: once, log: once });
    expect(dataOf(await agent.renew()).expiresAt).toBeInstanceOf(Date);
    expect(problems).toEqual(problems.map(() => expect.objectContaining({ code: "unavailable" })));
    expect(problems.length).toBeGreaterThan(0);
    const ended = Promise.race([agent.ended, watch.ended, states.ended, Promise.resolve("alive")]);
    expect(await ended).toBe("alive");
    await peer.stop();
    await writer.close();
  });
});
