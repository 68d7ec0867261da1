/** What the SDK makes of answers that are not the server's: of a captive portal, a proxy, a firewall. */

import { type Agent, type ErrorCode, Mayfly, type Messages, type Result } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { type Lie, startProxy, type TestProxy } from "#harness/proxy";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
let mayfly: Mayfly;
let agent: Agent;
const unhandled: unknown[] = [];
const count = (reason: unknown) => void unhandled.push(reason);
beforeAll(async () => {
  process.on("unhandledRejection", count);
  local = await startTestLocal();
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
  process.off("unhandledRejection", count);
});
beforeEach(async () => {
  ({ tenant } = await local.enter());
  mayfly = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
  agent = await spawnIn(mayfly);
});
afterEach(async () => {
  proxy.up();
  await agent.close();
  await mayfly.close();
  expect(unhandled.splice(0)).toEqual([]);
});

const page = "<html><title>Sign in to the network</title></html>";
const successes: Record<string, Lie> = {
  "a sign-in page": { type: "text/html", body: page },
  "{}": { body: "{}" },
  '{"data":null}': { body: '{"data":null,"error":null}' },
  '{"data":{}}': { body: '{"data":{},"error":null}' },
  null: { body: "null" },
  "[]": { body: "[]" },
  "half an answer": { body: '{"data":{"results":[' },
  "a cut connection": { body: '{"data":{"results":[', cut: true },
  nothing: { body: "" },
};
const refusals: Record<string, Lie> = {
  "a 401 with a page": { status: 401, type: "text/html", body: page },
  "a 403 of a firewall": { status: 403, body: '{"message":"Forbidden","code":"blocked"}' },
  "a 404 with nothing": { status: 404, body: "" },
  "a 404 with a list": { status: 404, body: "[]" },
  "a 413 of a proxy": { status: 413, type: "text/html", body: page },
  "a 302 with a page": { status: 302, type: "text/html", body: page },
  "a 407 with null": { status: 407, body: "null" },
};

const id = "0197a1b2-0000-7000-8000-000000000001";
const nobody = () => {};
type Call = () => Promise<Result<unknown>>;

/** One call of each public method that asks the server, by its class. */
function calls(): Record<string, Record<string, Call>> {
  const state = (of: Mayfly["state"]) => ({
    get: () => of.get("key"),
    set: () => of.set("key", 1),
    patch: () => of.patch("key", {}),
    update: () => of.update("key", () => 1),
    delete: () => of.delete("key"),
    list: () => of.list(),
    history: () => of.history("key"),
    at: () => of.at("key", 1),
    diff: () => of.diff("key", 1),
    rollback: () => of.rollback("key", 1),
    reconcile: () => of.reconcile("key", { strategy: "merge", ours: { value: 1 } }),
    watch: () => of.watch("key", nobody),
  });
  const talk = (by: Pick<Messages, "send" | "request">) => ({
    send: () => by.send(id, "info", { text: "hello" }),
    request: () => by.request(id, "query", { question: "?" }, { timeoutMs: 200 }),
  });
  const { channels } = agent;
  const channel = channels.open("findings");
  const { agents, debug, keys, memory, people, tenants } = mayfly;
  const { invitations, members } = people;
  return {
    Mayfly: {
      spawn: () => mayfly.spawn(),
      spawnTeam: () => mayfly.spawnTeam([{ count: 2 }]),
      run: () => mayfly.run({}, nobody),
    },
    Log: { watch: () => mayfly.log.watch({}, nobody) },
    Messages: { ...talk(mayfly.messages), handoff: () => mayfly.messages.handoff("t", id, "r") },
    Memories: {
      recall: () => memory.recall("keys"),
      context: () => memory.context({ task: "keys", maxTokens: 100 }),
      get: () => memory.get(id),
      list: () => memory.list(),
      thread: () => memory.thread(id),
      similar: () => memory.similar(id),
      forget: () => memory.forget(id),
      statistics: () => memory.statistics(),
      reembed: () => memory.reembed(),
    },
    Agents: {
      find: () => agents.find(),
      issue: () => agents.issue(),
      get: () => agents.get(id),
      tree: () => agents.tree(),
      stop: () => agents.stop(id),
      suspend: () => agents.suspend(id),
      resume: () => agents.resume(id),
      watch: () => agents.watch(nobody),
    },
    AgentTypes: {
      define: () => agents.types.define({ name: "reader" }),
      list: () => agents.types.list(),
    },
    Conflicts: {
      list: () => memory.conflicts.list(),
      resolve: () => memory.conflicts.resolve([{ id, memoryId: id }]),
    },
    DebugStreams: {
      watch: () => debug.watch({}, nobody),
      persist: () => debug.persist({ persist: true }),
    },
    Debug: { watch: () => agent.debug.watch({}, nobody) },
    EnrolmentKeys: {
      create: () => keys.create({ name: "ci" }),
      list: () => keys.list(),
      revoke: () => keys.revoke(id),
    },
    Invitations: {
      mine: () => invitations.mine(),
      accept: () => invitations.accept({ id }),
      revoke: () => invitations.revoke(id),
    },
    Members: {
      list: () => members.list(),
      add: () => members.add(id, "member"),
      changeRole: () => members.changeRole(id, "member"),
      remove: () => members.remove(id),
      invite: () => members.invite({ role: "member" }),
    },
    Tenants: {
      create: () => tenants.create({ name: "other" }),
      list: () => tenants.list(),
      update: () => tenants.update({ name: "another" }),
      setQuotas: () => tenants.setQuotas({ maxMemories: 10 }),
      usage: () => tenants.usage(),
      maintain: () => tenants.maintain(),
      export: () => tenants.export(),
      leave: () => tenants.leave(),
      transfer: () => tenants.transfer(id),
      erase: () => tenants.erase({ name: "another" }),
    },
    States: state(mayfly.state),
    Channels: {
      create: () => channels.create({ name: "findings" }),
      update: () => channels.update("findings", { description: "" }),
      delete: () => channels.delete("findings"),
      list: () => channels.list(),
      subscribe: () => channels.subscribe("findings"),
      unsubscribe: () => channels.unsubscribe("findings"),
      publish: () => channels.publish("findings", "info", { text: "hello" }),
      read: () => channels.read("findings"),
      statistics: () => channels.statistics("findings"),
      subscribers: () => channels.subscribers("findings"),
    },
    Channel: {
      publish: () => channel.publish("info", { text: "hello" }),
      broadcast: () => channel.broadcast("tick", {}),
      onBroadcast: () => channel.onBroadcast("tick", nobody),
    },
    Presence: { watch: () => agent.presence.watch(nobody) },
    Agent: {
      ...talk(agent),
      card: () => agent.card(),
      heartbeat: () => agent.heartbeat(),
      renew: () => agent.renew(),
      suspend: () => agent.suspend(),
      sync: () => agent.sync(),
      spawn: () => agent.spawn(),
      spawnTeam: () => agent.spawnTeam([{ count: 2 }]),
    },
    AgentMemory: {
      get: () => agent.memory.get(id),
      list: () => agent.memory.list(),
      thread: () => agent.memory.thread(id),
      similar: () => agent.memory.similar(id),
      statistics: () => agent.memory.statistics(),
    },
  };
}

/** They ask nobody, or go on without an answer; what they do then has tests of its own. */
const others = [
  "Mayfly: close",
  "Debug: close, finish, flush, level, listen, stopWatches",
  "Log: close, finish, follow",
  "Messages: close, finish, on",
  "Debug: lifecycle, task, step, decision, thought, memory, message, tool, error",
  "DebugStreams: close",
  "States: of",
  "Channels: close, finish, open",
  "Channel: leave, on",
  "Presence: close, leave, track",
  // A recall answers from the cache.
  "AgentMemory: recall, context, recallLocal, remember, update, forget, sync",
  "Agent: recall, remember, on, close, stop, work",
  "AgentOutbox: retry, discard, add, stamp, push, inTurn, finish, close",
  "TenantOutbox: drain",
];

/** An empty list is one, and there may be no state: no answer is more right. */
const right: Record<string, string[]> = {
  "[]": [
    "Agents.tree AgentTypes.list EnrolmentKeys.list Invitations.mine Members.list Tenants.list States.list",
    "States.history Channels.list AgentMemory.get AgentMemory.list AgentMemory.thread Conflicts.list",
    "Memories.get Memories.list Memories.thread",
    // Of those that nobody asks for yet none is alive, and the caller may watch no tenant.
    "Agents.watch Presence.watch DebugStreams.watch Debug.watch",
  ].flatMap((names) => names.split(" ")),
  null: ["States.get", "States.at", "States.diff"],
};

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
    "says of %s what is wrong, and throws nothing",
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
