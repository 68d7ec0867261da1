/** What the SDK makes of answers that are not the server's: of a captive portal, a proxy, a firewall. */

import { type ErrorCode, Mayfly } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import type { Lie } from "#harness/proxy";
import { runCli } from "../cli/run.ts";
import {
  agent,
  calls,
  local,
  mayfly,
  nobody,
  others,
  proxy,
  refusals,
  right,
  setUp,
  successes,
  tenant,
} from "./lying-server.ts";

const mentions = (line: string, name: string, method: string) => {
  const [of, methods = ""] = line.split(": ");
  return of === name && methods.split(", ").includes(method);
};

function prototypeValue(prototype: object, name: string): unknown {
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found) return found.value;
  }
  return undefined;
}

setUp();

/** Everything that an agent does by itself goes on through answers of something in between. */
describe("the background of an agent", () => {
  const all = { ...successes, ...refusals };
  const lies = ["a sign-in page", "{}", "null", "[]", "half an answer", ...Object.keys(refusals)];
  it.each(lies)("goes on behind %s as if it had not been", async (lie) => {
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
    // Each pulls when its connection is back: what is live needs no request.
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

describe("the command line", () => {
  it.each(["a sign-in page", "{}", "null", "a 401 with a page", "a 403 of a firewall"])(
    "says what is wrong with %s, and throws nothing",
    async (lie) => {
      const told = { ...successes, ...refusals }[lie] as Lie;
      const words = ["--json", "--url", proxy.url, "--key", local.secretKey];
      const findings = async () => {
        const { code, out, err } = await runCli(["doctor", ...words]);
        expect([code, err]).toEqual([1, ""]);
        const { findings } = JSON.parse(out) as { findings: { check: string; state: string }[] };
        return findings.filter(({ state }) => state === "error").map(({ check }) => check);
      };
      proxy.answer("/rpc/installation", told.status ?? 200, told.body);
      expect(await findings()).toEqual(["migrations"]);
      proxy.lie(told);
      expect(await findings()).not.toEqual([]);
      for (const command of [["agents"], ["stats"], ["recall", "keys"], ["status"]]) {
        const { code, out, err } = await runCli([...command, ...words]);
        expect([command, code]).toEqual([command, 1]);
        expect(`${out}${err}`).not.toMatch(/\n\s+at /);
      }
    },
  );
});

describe("an answer of something in between", () => {
  it("is tried on every public method that returns a result", () => {
    const methods = (of: object): string[] =>
      of === Object.prototype
        ? []
        : [...Object.getOwnPropertyNames(of), ...methods(Object.getPrototypeOf(of))];
    const tried = calls();
    const objects: Record<string, object> = {
      ...{ Mayfly: mayfly, Agents: mayfly.agents, AgentTypes: mayfly.agents.types },
      ...{ Conflicts: mayfly.memory.conflicts, DebugStreams: mayfly.debug, Debug: agent.debug },
      ...{ EnrolmentKeys: mayfly.keys, Invitations: mayfly.people.invitations },
      ...{ Members: mayfly.people.members, Tenants: mayfly.tenants, States: mayfly.state },
      ...{ Channels: agent.channels, Channel: agent.channels.open("findings") },
      ...{ Presence: agent.presence, Agent: agent, AgentMemory: agent.memory },
      ...{ Log: mayfly.log, Messages: mayfly.messages, Memories: mayfly.memory },
      ...{ AgentOutbox: agent.outbox, TenantOutbox: mayfly.outbox },
    };
    expect(Object.keys(objects)).toEqual(expect.arrayContaining(Object.keys(tried)));
    const untried = Object.entries(objects).flatMap(([name, object]) => {
      const prototype = Object.getPrototypeOf(object) as Record<string, unknown>;
      return methods(prototype)
        .filter((method) => {
          const { value } = Object.getOwnPropertyDescriptor(prototype, method) ?? {};
          return typeof (value ?? prototypeValue(prototype, method)) === "function";
        })
        .filter((method) => method !== "constructor" && !(method in (tried[name] ?? {})))
        .filter((method) => !others.some((line) => mentions(line, name, method)))
        .map((method) => `${name}.${method}`);
    });
    expect(untried).toEqual([]);
  });

  const all = { ...successes, ...refusals };
  it.each(Object.keys(all))("as %s is an error of every call, and throws nothing", async (lie) => {
    await agent.remember({ task: "kept" });
    proxy.lie(all[lie] as Lie);
    const tried = Object.entries(calls()).flatMap(([name, methods]) =>
      Object.entries(methods).map(async ([method, call]) => {
        const { data, error } = await call();
        // Presence is watched without an answer.
        if (typeof data === "function") await data();
        return [`${name}.${method}`, error?.code] as [string, ErrorCode | undefined];
      }),
    );
    const answered = await Promise.all(tried);
    const wrong = answered.filter(([name, code]) =>
      (name.endsWith(".request") && code === "request_timeout") || code === "unavailable"
        ? false
        : !right[lie]?.includes(name),
    );
    expect(wrong).toEqual([]);
    // Nothing of it was taken for an acknowledgement, and the agent is the same.
    expect(agent.outbox.waiting).toBe(1);
    expect(agent.outbox.refused).toEqual([]);
    const recalled = dataOf(await agent.recall("kept"));
    expect(recalled).toMatchObject({ mode: "local", results: [{ task: "kept" }] });
    expect(dataOf(await agent.memory.context({ task: "kept", maxTokens: 100 })).mode).toBe("local");
    proxy.up();
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 1, rejected: 0 });
  });
});
