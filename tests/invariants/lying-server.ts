import { type Agent, Mayfly, type Messages, type Result } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { type Lie, startProxy, type TestProxy } from "#harness/proxy";

export let local: TestLocal;
export let proxy: TestProxy;
export let tenant: string;
export let mayfly: Mayfly;
export let agent: Agent;
const unhandled: unknown[] = [];
const count = (reason: unknown) => void unhandled.push(reason);

export function setUp(): void {
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
}

export const page = "<html><title>Sign in to the network</title></html>";
export const successes: Record<string, Lie> = {
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
export const refusals: Record<string, Lie> = {
  "a 401 with a page": { status: 401, type: "text/html", body: page },
  "a 403 of a firewall": { status: 403, body: '{"message":"Forbidden","code":"blocked"}' },
  "a 404 with nothing": { status: 404, body: "" },
  "a 404 with a list": { status: 404, body: "[]" },
  "a 413 of a proxy": { status: 413, type: "text/html", body: page },
  "a 302 with a page": { status: 302, type: "text/html", body: page },
  "a 407 with null": { status: 407, body: "null" },
};

export const id = "0197a1b2-0000-7000-8000-000000000001";
export const nobody = () => {};
type Call = () => Promise<Result<unknown>>;

/** One call of each public method that asks the server, grouped by the class of the method. */
export function calls(): Record<string, Record<string, Call>> {
  const state = (of: Mayfly["state"]) => ({
    get: () => of.get("key"),
    set: () => of.set("key", 1),
    patch: () => of.patch("key", {}),
    edit: () => of.edit("key", [{ op: "inc", path: "" }]),
    increment: () => of.increment("key"),
    update: () => of.update("key", () => 1),
    delete: () => of.delete("key"),
    list: () => of.list(),
    recent: () => of.recent(),
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
      runTeam: () => mayfly.runTeam([{ count: 2 }], nobody),
    },
    Log: { watch: () => mayfly.log.watch({}, nobody), list: () => mayfly.log.list() },
    Messages: {
      ...talk(mayfly.messages),
      list: () => mayfly.messages.list(),
      handoff: () => mayfly.messages.handoff("t", id, "r"),
    },
    Memories: {
      recall: () => memory.recall("keys"),
      context: () => memory.context({ task: "keys", maxTokens: 100 }),
      get: () => memory.get(id),
      list: () => memory.list(),
      thread: () => memory.thread(id),
      similar: () => memory.similar(id),
      forget: () => memory.forget(id),
      update: () => memory.update(id, { set: { reward: 1 } }),
      statistics: () => memory.statistics(),
      reembed: () => memory.reembed(),
      remember: () => memory.remember([{ task: "kept" }]),
      recommend: () => memory.recommend("keys"),
      clusters: () => memory.clusters(),
      tune: () => memory.tune(),
      untune: () => memory.untune("a model"),
    },
    Agents: {
      find: () => agents.find(),
      list: () => agents.list(),
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
      list: () => debug.list(),
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
      list: () => invitations.list(),
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
      ensure: () => tenants.ensure("other"),
      list: () => tenants.list(),
      update: () => tenants.update({ name: "another" }),
      setQuotas: () => tenants.setQuotas({ maxMemories: 10 }),
      usage: () => tenants.usage(),
      maintain: () => tenants.maintain(),
      export: () => tenants.export(),
      import: () => tenants.import(new Blob(['{"table":"tenants","row":{}}']).stream()),
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
      clusters: () => agent.memory.clusters(),
    },
  };
}

/** Methods that ask nobody, or that continue without an answer. Other tests check what they do in that case. */
export const others = [
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
  "AgentMemory: recall, context, recommend, recallLocal, remember, update, forget, sync",
  "Agent: recall, remember, on, close, stop, work",
  "AgentOutbox: retry, discard, add, stamp, push, pushNow, inTurn, finish, close",
  "TenantOutbox: drain",
];

/** Methods to which an empty answer is valid: a list may be empty, and a state may not exist. */
export const right: Record<string, string[]> = {
  "[]": [
    "Agents.tree AgentTypes.list EnrolmentKeys.list Invitations.mine Members.list Tenants.list States.list",
    "States.history Channels.list AgentMemory.get AgentMemory.list AgentMemory.thread Conflicts.list",
    "Memories.get Memories.list Memories.thread Log.list Messages.list Agents.list DebugStreams.list",
    "Invitations.list States.recent",
    // An empty list tells these watches that no agent is alive, or that the caller may not watch the tenant.
    "Agents.watch Presence.watch DebugStreams.watch Debug.watch",
  ].flatMap((names) => names.split(" ")),
  null: ["States.get", "States.at", "States.diff", "States.edit"],
};
