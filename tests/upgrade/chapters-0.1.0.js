/**
 * Programs for the SDK of 0.1.0: a chapter for each part of the SDK, with the names that this release had.
 * They are plain JavaScript, because a user's old program is not checked against today's types either. `like`
 * compares only what 0.1.0 knew, so that a chapter ignores what later releases add.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

const dataOf = ({ data, error }) => {
  if (error) throw error;
  return data;
};
const codeOf = async (work) => (await work).error?.code ?? "no error";
const like = (actual, expected) => assert.partialDeepStrictEqual(actual, expected);
const id0 = "0197a1b2-0000-7000-8000-000000000001";

/** What a handler received, and a promise that resolves when there is enough. */
function gather() {
  const got = [];
  let wake = () => {};
  const take = (item) => {
    got.push(item);
    wake();
  };
  const until = async (holds) => {
    while (!holds(got))
      await new Promise((resolve) => {
        wake = resolve;
      });
  };
  return { got, take, until };
}

/** The chapters, by what they do. Each has its own tenant, in which `mayfly` acts as the secret key. */
export const chapters = {
  async "an agent remembers, syncs, recalls, changes, forgets and stops"({ mayfly }) {
    const writer = dataOf(await mayfly.spawn({ name: "writer", lifetime: 300 }));
    const conversationId = randomUUID();
    const kept = dataOf(
      await writer.remember({
        task: "Rotate the signing key",
        output: "Import the new key, wait, then rotate.",
        kind: "learning",
        tags: ["security"],
        importance: 3,
        reward: 0.5,
        metadata: { port: 5432 },
        conversationId,
      }),
    );
    const other = dataOf(await writer.remember({ task: "Bake bread", conversationId }));
    assert.equal((await writer.remember({ task: "x", reward: 7 })).error.code, "invalid_request");
    like(dataOf(await writer.recallLocal("signing key")).results[0], { id: kept.id });
    assert.equal(writer.unsynced, 2);
    like(dataOf(await writer.sync()), { pushed: 2, rejected: 0 });
    assert.deepEqual([writer.unsynced, writer.deadLetters], [0, []]);

    const reader = dataOf(await mayfly.spawn({ name: "reader", lifetime: 300 }));
    const recalled = dataOf(await reader.recall("how are signing keys rotated?", { limit: 5 }));
    like(recalled, { mode: "hybrid", model: "mayfly-dev-hash-384", problem: null });
    like(recalled.results[0], { id: kept.id, agentName: "writer", parts: { words_rank: 1 } });
    like(dataOf(await reader.get(kept.id)), { task: "Rotate the signing key", reward: 0.5 });
    assert.equal(dataOf(await reader.get(id0)), null);
    like(dataOf(await reader.memories({ tags: ["security"] })).memories, [{ id: kept.id }]);
    like(dataOf(await reader.thread(conversationId)), [{ id: kept.id }, { id: other.id }]);
    assert.ok(dataOf(await reader.similar(kept.id)).results.length >= 0);
    const context = dataOf(await reader.context({ task: "signing key", maxTokens: 500 }));
    assert.match(context.text, /Import the new key/);
    like(dataOf(await reader.sync()), { pushed: 0, pulled: 2 });
    assert.equal(reader.cached, 2);
    like(dataOf(await reader.statistics()), { memories: 2, byKind: { learning: 1 } });
    like(dataOf(await mayfly.statistics()), { memories: 2 });

    dataOf(await writer.update(kept.id, { set: { reward: 0.9, tags: ["security", "keys"] } }));
    dataOf(await writer.forget(other.id));
    like(dataOf(await writer.sync()), { pushed: 2, rejected: 0 });
    like(dataOf(await reader.sync()), { pushed: 0 });
    like(dataOf(await reader.get(kept.id)), {
      reward: 0.9,
      tags: ["security", "keys"],
      version: 2,
    });
    assert.equal(dataOf(await reader.get(other.id)), null);
    like(dataOf(await writer.stop("done")).agent, { status: "stopped", stop_reason: "done" });
    assert.equal(await codeOf(writer.recall("anything")), "not_authorized");
    assert.equal(await codeOf(writer.remember({ task: "too late" })), "agent_not_alive");
    dataOf(await reader.close());
  },

  async "a refused operation becomes a dead letter, and is discarded"({ mayfly }) {
    const agent = dataOf(await mayfly.spawn({ lifetime: 300 }));
    dataOf(await agent.remember({ task: "good" }));
    dataOf(await agent.remember({ task: "large", metadata: { text: "x".repeat(70_000) } }));
    like(dataOf(await agent.sync()), { pushed: 1, rejected: 1 });
    assert.deepEqual(
      agent.deadLetters.map(({ error }) => error.code),
      ["invalid_operation"],
    );
    assert.equal(dataOf(await agent.retryDeadLetters()), 1);
    like(dataOf(await agent.sync()), { pushed: 0, rejected: 1 });
    assert.equal(dataOf(await agent.discardDeadLetters()), 1);
    dataOf(await agent.close());
  },

  async "two updates of one field conflict, and the conflict is resolved by hand"({ mayfly }) {
    const agent = dataOf(await mayfly.spawn({ lifetime: 300 }));
    const { id } = dataOf(await agent.remember({ task: "plan", importance: 3 }));
    dataOf(await agent.sync());
    dataOf(await agent.update(id, { set: { importance: 5 } }));
    dataOf(await agent.sync());
    const wanted = { set: { importance: 9 }, base: { importance: 3 }, resolve: "manual" };
    dataOf(await agent.update(id, wanted));
    dataOf(await agent.sync());
    const { conflicts } = dataOf(await agent.conflicts({ memoryId: id }));
    like(conflicts, [{ memoryId: id, field: "importance", base: 3, wanted: 9 }]);
    like(dataOf(await mayfly.conflicts.list()).conflicts, [{ memoryId: id }]);
    dataOf(await mayfly.conflicts.settle(conflicts, { importance: 9 }));
    like(dataOf(await agent.get(id)), { importance: 9 });
    assert.deepEqual(dataOf(await agent.conflicts()).conflicts, []);
    dataOf(await agent.close());
  },

  async "the log shows changes of memories and agents, also from a cursor"({ mayfly }) {
    const heard = gather();
    const watch = dataOf(
      await mayfly.watch({ types: ["memory.*", "agent.*"] }, ({ events, memories }) => {
        for (const event of events) heard.take([event.type, event.subject, memories.length]);
      }),
    );
    const agent = dataOf(await mayfly.spawn({ lifetime: 300 }));
    const own = gather();
    const mine = dataOf(
      await agent.watch({ types: ["memory.created"] }, ({ events }) => events.forEach(own.take)),
    );
    const { id } = dataOf(await agent.remember({ task: "Tell" }));
    dataOf(await agent.sync());
    await heard.until((all) =>
      all.some(([type, subject]) => type === "memory.created" && subject === id),
    );
    await own.until((all) => all.some(({ subject }) => subject === id));
    assert.ok(
      heard.got.some(([type, subject]) => type === "agent.spawned" && subject === agent.id),
    );
    const { cursor } = watch;
    await Promise.all([mine.stop(), watch.stop()]);
    dataOf(await agent.update(id, { set: { reward: 1 } }));
    dataOf(await agent.sync());
    const later = gather();
    const resumed = dataOf(
      await mayfly.watch({ since: cursor }, ({ events }) => events.forEach(later.take)),
    );
    await later.until((all) =>
      all.some(({ type, subject }) => type === "memory.updated" && subject === id),
    );
    await resumed.stop();
    dataOf(await agent.close());
  },

  async "agents are found, shown, typed, suspended, resumed, stopped, and spawn others"({
    mayfly,
  }) {
    dataOf(
      await mayfly.agentTypes.define({
        name: "critic",
        prompt: "Be kind.",
        capabilities: ["review"],
      }),
    );
    like(dataOf(await mayfly.agentTypes.list()), [{ name: "critic", version: 1 }]);
    const parent = dataOf(
      await mayfly.spawn({
        type: "critic",
        lifetime: 300,
        registrationKey: "the one",
        scopes: allScopes,
      }),
    );
    like(parent.definition, { prompt: "Be kind." });
    like(parent.card && dataOf(await parent.card()), { id: parent.id, status: "running" });
    dataOf(await parent.heartbeat({ activity: "thinking", task: "Read" }));
    dataOf(await parent.renew());
    const child = dataOf(await parent.spawn({ name: "child", scopes: ["memory:read"] }));
    assert.deepEqual([child.parentId, child.scopes, child.depth], [parent.id, ["memory:read"], 1]);
    assert.equal(dataOf(await parent.spawnTeam([{ count: 2 }])).length, 2);
    assert.equal(dataOf(await mayfly.spawnTeam([{ type: "critic", count: 2 }])).length, 2);
    const { agents } = dataOf(await mayfly.agents.find({ capabilities: ["review"] }));
    assert.equal(agents.length, 3);
    like(dataOf(await mayfly.agents.get(parent.id)), { activity: "thinking", task: "Read" });
    like(dataOf(await mayfly.agents.tree({ root: parent.id })), [{ id: parent.id }]);
    dataOf(await parent.suspend("wait"));
    assert.equal(await codeOf(child.card()), "not_authorized");
    const resumed = dataOf(await mayfly.agents.resume(parent.id));
    like(dataOf(await resumed.card()), { status: "running" });
    dataOf(await mayfly.agents.suspend(parent.id));
    dataOf(await mayfly.agents.resume(parent.id));
    like(dataOf(await mayfly.agents.stop(parent.id, "enough")).agent, { status: "stopped" });
    like(dataOf(await mayfly.run({ name: "brief" }, (agent) => agent.name)), "brief");
  },

  async "an agent is present while it is connected"({ mayfly }) {
    const seen = gather();
    const stop = dataOf(await mayfly.agents.watch(seen.take));
    const agent = dataOf(await mayfly.spawn({ name: "visible", lifetime: 300, scopes: allScopes }));
    const by = gather();
    const other = dataOf(await agent.presence.watch(by.take));
    dataOf(await agent.presence.track({ status: "reading", task: "README.md" }));
    const holds = (all) =>
      all.at(-1)?.some(({ id, status }) => id === agent.id && status === "reading");
    await Promise.all([seen.until(holds), by.until(holds)]);
    await other();
    await agent.presence.leave();
    await seen.until((all) => !all.at(-1).some(({ id }) => id === agent.id));
    await stop();
    dataOf(await agent.close());
  },

  async "messages are sent, requested, answered and handed over"({ mayfly, person, tenant }) {
    const ada = dataOf(await mayfly.spawn({ name: "ada", lifetime: 300 }));
    const bob = dataOf(await mayfly.spawn({ name: "bob", lifetime: 300, capabilities: ["ops"] }));
    const inbox = gather();
    bob.on("query", async (message) => {
      dataOf(await message.reply({ heard: message.payload.question }));
    });
    bob.on("task_handoff", inbox.take);
    bob.on("info", inbox.take);
    const reply = dataOf(
      await ada.request(bob.id, "query", { question: "Which port?" }, { timeoutMs: 60_000 }),
    );
    like(reply, {
      type: "response",
      payload: { heard: "Which port?" },
      senderId: bob.id,
      attempt: 1,
    });
    dataOf(await ada.handoff("Rotate", { capability: "ops" }, "I may not", { key: "k1" }));
    like(dataOf(await mayfly.send(bob.id, "info", { text: "from the secret key" })), {
      recipients: 1,
    });
    await inbox.until((all) => all.length >= 2);
    like(inbox.got[0].payload, { task: "Rotate", reason: "I may not", context: { key: "k1" } });
    assert.equal(await codeOf(mayfly.request(bob.id, "query", { question: "?" })), "no_inbox");
    assert.equal(await codeOf(ada.send(id0, "info", { text: "?" })), "recipient_unknown");

    const owner = await person();
    dataOf(await mayfly.members.add(owner.id, "owner"));
    const door = owner.open({ tenant });
    const told = gather();
    door.on("info", told.take);
    const back = dataOf(
      await door.request(bob.id, "query", { question: "Me?" }, { timeoutMs: 60_000 }),
    );
    like(back.payload, { heard: "Me?" });
    dataOf(await ada.send(owner.id, "info", { text: "To a person." }));
    await told.until((all) => all.length > 0);
    await Promise.all([ada.close(), bob.close(), door.close()]);
  },

  async "a channel is created, published to, read, followed and deleted"({ mayfly }) {
    const ada = dataOf(await mayfly.spawn({ lifetime: 300, scopes: allScopes }));
    const bob = dataOf(await mayfly.spawn({ lifetime: 300, scopes: allScopes }));
    like(dataOf(await ada.channels.create({ name: "news", kind: "broadcast" })), { name: "news" });
    like(dataOf(await bob.channels.subscribe("news", { since: "start" })), { acknowledged: 0 });
    const heard = gather();
    const off = bob.channels.open("news").on(heard.take, { onError: heard.take });
    dataOf(await ada.channels.publish("news", "tick", { n: 1 }));
    dataOf(await ada.channels.open("news").publish("tick", { n: 2 }));
    await heard.until((all) => all.length >= 2);
    assert.deepEqual(
      heard.got.map(({ payload }) => payload?.n),
      [1, 2],
    );
    const lost = gather();
    dataOf(await bob.channels.open("news").onBroadcast("*", lost.take));
    dataOf(await ada.channels.open("news").broadcast("progress", { done: 1 }));
    await lost.until((all) => all.length > 0);
    like(dataOf(await bob.channels.read("news")), {
      messages: [{ seq: 1 }, { seq: 2 }],
      more: false,
    });
    like(dataOf(await bob.channels.list()), [{ name: "news", lastSeq: 2 }]);
    like(dataOf(await mayfly.channels.list()), [{ name: "news" }]);
    like(dataOf(await ada.channels.statistics("news")), { messages: 2 });
    like(dataOf(await ada.channels.subscribers("news")).subscribers, [{ id: bob.id }]);
    dataOf(await ada.channels.update("news", { description: "What is new", publishers: [bob.id] }));
    await off();
    await bob.channels.open("news").leave();
    dataOf(await bob.channels.unsubscribe("news"));
    dataOf(await ada.channels.delete("news"));
    assert.equal(await codeOf(ada.channels.read("news")), "channel_unknown");
    await Promise.all([ada.close(), bob.close()]);
  },

  async "a state is set, changed, compared, rolled back, reconciled and watched"({ mayfly }) {
    const agent = dataOf(await mayfly.spawn({ lifetime: 300 }));
    const { state } = agent;
    const heard = gather();
    const watch = dataOf(await mayfly.state.of(agent.id).watch("*", heard.take));
    like(dataOf(await state.set("plan", { step: 1 }, { expectedVersion: 0 })), { version: 1 });
    dataOf(await state.patch("plan", { next: "read" }));
    like(dataOf(await state.get("plan")), { value: { step: 1, next: "read" }, version: 2 });
    assert.equal(await codeOf(state.set("plan", 1, { expectedVersion: 1 })), "version_conflict");
    like(dataOf(await state.update("plan", (now) => ({ ...now, step: 2 }))), { version: 3 });
    await heard.until((all) => all.some(({ version }) => version === 3));
    await watch.stop();
    like(dataOf(await state.history("plan")), [{ version: 3 }, { version: 2 }, { version: 1 }]);
    like(dataOf(await state.at("plan", 1)), { value: { step: 1 } });
    assert.equal(dataOf(await state.diff("plan", 1, 3)).length, 2);
    const ours = { value: { step: 1, owner: "Ada" } };
    like(dataOf(await state.reconcile("plan", { strategy: "merge", base: 1, ours })), {
      outcome: "merged",
    });
    dataOf(await state.rollback("plan", 1));
    like(dataOf(await state.list()), [{ key: "plan" }]);
    assert.equal(dataOf(await state.delete("plan")), true);
    dataOf(await agent.shared.set("board", "ours"));
    like(dataOf(await mayfly.state.get("board")), { value: "ours" });
    dataOf(await agent.close());
  },

  async "debug streams are watched, changed and kept"({ mayfly }) {
    like(dataOf(await mayfly.debug.persist({ persist: true, level: "basic", keepSeconds: 3600 })), {
      persist: true,
      level: 1,
      keepSeconds: 3600,
    });
    const agent = dataOf(await mayfly.spawn({ lifetime: 300, scopes: allScopes }));
    const heard = gather();
    const watch = dataOf(await mayfly.debug.watch({ level: "verbose" }, heard.take));
    const other = dataOf(await mayfly.spawn({ lifetime: 300, scopes: allScopes }));
    const by = gather();
    const theirs = dataOf(await other.debug.watch({ agent: agent.id }, by.take));
    for (const name of [
      "task",
      "step",
      "decision",
      "thought",
      "memory",
      "message",
      "tool",
      "error",
    ])
      agent.debug[name](`a ${name}`, { n: 1 });
    agent.debug.lifecycle("begun");
    await heard.until((all) => all.some(({ name }) => name === "a step"));
    await by.until((all) => all.some(({ name }) => name === "a task"));
    dataOf(await watch.change({ level: "detailed" }));
    await Promise.all([watch.stop(), theirs.stop(), agent.debug.flush()]);
    dataOf(await mayfly.debug.persist({ persist: false }));
    await Promise.all([agent.close(), other.close()]);
  },

  async "machines spawn with a key, which is listed and revoked"({ mayfly, open, tenant }) {
    const { key, enrolmentKey } = dataOf(
      await mayfly.enrolmentKeys.create({ name: "ci", scopes: ["memory:read", "memory:write"] }),
    );
    const { id } = enrolmentKey;
    like(dataOf(await mayfly.enrolmentKeys.list()), [{ id, name: "ci" }]);
    const machine = open({ enrolmentKey: key });
    const agent = dataOf(await machine.spawn({ name: "built", lifetime: 60 }));
    assert.equal(agent.tenantId, tenant);
    dataOf(await agent.stop());
    dataOf(await mayfly.enrolmentKeys.revoke(id));
    assert.equal(await codeOf(machine.spawn()), "not_authorized");
    await machine.close();
  },

  async "people are invited, change roles, leave and hand over"({ mayfly, person, tenant }) {
    const owner = await person();
    dataOf(await mayfly.members.add(owner.id, "owner"));
    const door = owner.open();
    const guest = await person();
    const { token } = dataOf(await door.members.invite({ role: "viewer" }));
    like(dataOf(await guest.open().invitations.accept({ token })), {
      tenant: { id: tenant },
      role: "viewer",
    });
    const { invitation } = dataOf(
      await door.members.invite({ role: "member", email: "nobody@example.com" }),
    );
    assert.deepEqual(dataOf(await guest.open().invitations.mine()), []);
    dataOf(await door.invitations.revoke(invitation.id));
    dataOf(await door.members.changeRole(guest.id, "member"));
    const members = dataOf(await door.members.list());
    assert.deepEqual(members.map(({ role }) => role).sort(), ["member", "owner"]);
    like(dataOf(await guest.open().tenants.list()), [{ id: tenant }]);
    dataOf(await door.tenants.transfer(guest.id));
    dataOf(await door.tenants.leave());
    const third = await person();
    dataOf(await mayfly.members.add(third.id, "viewer"));
    dataOf(await guest.open().members.remove(third.id));
  },

  async "a tenant is set up, counted, maintained, exported, embedded again and erased"({
    mayfly,
    open,
  }) {
    const made = dataOf(await mayfly.tenants.create({ name: "to be erased" }));
    const own = open({ tenant: made.id });
    like(dataOf(await own.tenants.update({ name: "erase me", language: "english" })), {
      name: "erase me",
    });
    dataOf(await own.tenants.setQuotas({ maxMemories: 10, writesPerMinute: 1000 }));
    const agent = dataOf(await own.spawn({ lifetime: 300 }));
    dataOf(await agent.remember({ task: "one" }));
    dataOf(await agent.sync());
    dataOf(await agent.stop());
    like(dataOf(await own.tenants.usage()), { memories: 1, limits: { max_memories: 10 } });
    like(dataOf(await own.maintain()), { forgotten: 0 });
    like(dataOf(await own.reembed()), { left: 0 });
    let text = "";
    const decoder = new TextDecoder();
    for await (const part of dataOf(await own.export()))
      text += decoder.decode(part, { stream: true });
    const tables = new Set(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).table),
    );
    for (const table of ["agents", "memories", "events"]) assert.ok(tables.has(table), table);
    dataOf(await own.tenants.erase({ name: "erase me" }));
    await own.close();
  },

  async "an outbox in a folder is drained by the next process"({ open, folder }) {
    const storage = await folder();
    const first = open({ storage });
    const agent = dataOf(await first.spawn({ lifetime: 300 }));
    const { id } = dataOf(await agent.remember({ task: "left behind" }));
    await agent.close();
    await first.close();
    const next = open({ storage });
    like(dataOf(await next.drain()), { rejected: 0 });
    const reader = dataOf(await next.spawn({ lifetime: 300 }));
    like(dataOf(await reader.get(id)), { task: "left behind" });
    await next.close({ stopAgents: true });
  },
};

const allScopes = [
  "memory:read",
  "memory:write",
  "agent:read",
  "message:read",
  "message:send",
  "channel:write",
  "channel:broadcast",
  "agent:spawn",
  "presence:read",
  "presence:write",
  "state:read",
  "state:write",
  "debug:read",
  "debug:write",
];

/**
 * An agent that is alive while the database is upgraded, with an open inbox and a watch.
 *
 * @returns a function to call when the upgrade is done. It checks that everything continues from where it was.
 */
export async function liveThrough({ mayfly }) {
  const heard = gather();
  const watch = dataOf(await mayfly.watch({}, ({ events }) => events.forEach(heard.take)));
  const agent = dataOf(await mayfly.spawn({ name: "survivor", lifetime: 300 }));
  const peer = dataOf(await mayfly.spawn({ name: "peer", lifetime: 300 }));
  const inbox = gather();
  agent.on("*", inbox.take);
  const before = dataOf(await agent.remember({ task: "Known before", importance: 2 }));
  dataOf(await agent.sync());
  dataOf(await agent.state.set("plan", 1));
  dataOf(await peer.send(agent.id, "info", { text: "before" }));
  await inbox.until((all) => all.length === 1);
  const waiting = dataOf(await agent.remember({ task: "Not pushed before" }));
  return async () => {
    dataOf(await agent.renew());
    dataOf(await agent.heartbeat());
    dataOf(await agent.update(before.id, { set: { importance: 8 } }));
    like(dataOf(await agent.sync()), { pushed: 2, rejected: 0 });
    like(dataOf(await agent.get(before.id)), { importance: 8, version: 2 });
    like(dataOf(await agent.state.set("plan", 2, { expectedVersion: 1 })), { version: 2 });
    dataOf(await peer.send(agent.id, "info", { text: "after" }));
    await inbox.until((all) => all.length === 2);
    assert.deepEqual(
      inbox.got.map(({ payload }) => payload.text),
      ["before", "after"],
    );
    await heard.until((all) =>
      all.some(({ type, subject }) => type === "memory.created" && subject === waiting.id),
    );
    const seen = heard.got.map(({ type, subject }) => `${type} ${subject}`);
    assert.equal(seen.filter((one) => one === `memory.created ${before.id}`).length, 1);
    await watch.stop();
    await Promise.all([agent.close(), peer.close()]);
  };
}
