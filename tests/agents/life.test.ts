import { describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  type Issued,
  inTenant,
  makeAgent,
  makePerson,
  refusalOf,
  renew,
  rpc,
  serviceRole,
} from "#harness/callers";
import {
  alive,
  type Card,
  call,
  child,
  db,
  grandchild,
  makeFamily,
  member,
  other,
  parent,
  setUp,
  tenant,
} from "./family.ts";

setUp();

describe("suspending and resuming", () => {
  it("takes all rights from the agent and its descendants, and gives them back at once", async () => {
    await makeFamily();
    const suspended = await call(member, "suspend_agent", { id: child.id, reason: "a doubt" });
    expect(suspended).toMatchObject({ status: "suspended", suspend_reason: "a doubt" });
    expect(await alive(parent, child, grandchild, other)).toEqual([true, false, false, true]);
    expect(await codeOf(renew(db.sql, grandchild.renewalSecret))).toBe("agent_not_alive");

    const resumed = await call<Issued>(parent.claims, "resume_agent", { id: child.id });
    expect(await alive(parent, child, grandchild)).toEqual([true, true, true]);
    expect(resumed.agent).toMatchObject({ status: "running", suspend_reason: null });
    expect((await renew(db.sql, grandchild.renewalSecret)).agent.id).toBe(grandchild.id);
  });

  it("gives a new secret to the caller that resumes, and voids the old ones without suspending again", async () => {
    await makeFamily();
    await call(parent.claims, "suspend_agent", { id: child.id });
    const { renewal_secret } = await call<Issued>(parent.claims, "resume_agent", { id: child.id });
    expect(await codeOf(renew(db.sql, child.renewalSecret))).toBe("renewal_refused");
    expect((await renew(db.sql, renewal_secret)).agent.id).toBe(child.id);
  });

  it("can be done by the agent itself, its ancestors and members, but the agent cannot resume itself", async () => {
    await makeFamily();
    expect(await codeOf(call(other.claims, "suspend_agent", { id: child.id }))).toBe(
      "scope_missing",
    );
    expect(await codeOf(call(child.claims, "suspend_agent", { id: parent.id }))).toBe(
      "scope_missing",
    );
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    expect(await codeOf(call(viewer, "suspend_agent", { id: child.id }))).toBe("scope_missing");
    await call(child.claims, "suspend_agent");
    expect(await codeOf(call(child.claims, "resume_agent", { id: child.id }))).toBe(
      "not_authorized",
    );
    expect(await codeOf(call(other.claims, "resume_agent", { id: child.id }))).toBe(
      "scope_missing",
    );
    await call(parent.claims, "resume_agent", { id: child.id });
  });

  it("gives no caller a token with scopes that the caller lacks", async () => {
    await makeFamily();
    const keeper = await makeAgent(db.sql, tenant, { scopes: ["memory:admin"] });
    await call(keeper.claims, "suspend_agent");
    expect(await refusalOf(call(member, "resume_agent", { id: keeper.id }))).toMatchObject({
      code: "scope_exceeds_parent",
      details: { scopes: ["memory:admin"] },
    });
    const stopper = await makeAgent(db.sql, tenant, { scopes: ["agent:stop"] });
    await call(other.claims, "suspend_agent");
    expect(await codeOf(call(stopper.claims, "resume_agent", { id: other.id }))).toBe(
      "scope_exceeds_parent",
    );
  });

  it("follows the transition table, and names both states", async () => {
    await makeFamily();
    const refusal = (name: string, id: string) => refusalOf(call(member, name, { id }));
    expect(await refusal("resume_agent", other.id)).toMatchObject({
      code: "transition_not_allowed",
      details: { from: "running", to: "running" },
    });
    await call(other.claims, "stop_agent");
    expect(await refusal("suspend_agent", other.id)).toMatchObject({
      code: "transition_not_allowed",
      message: "An agent that is stopped cannot become suspended.",
    });
    await call(parent.claims, "stop_agent");
    expect(await refusal("suspend_agent", grandchild.id)).toMatchObject({
      details: { from: "stopped", to: "suspended" },
    });
    const late = await makeAgent(db.sql, tenant);
    await call(member, "suspend_agent", { id: late.id });
    await db.advance("1 hour");
    expect(await refusal("resume_agent", late.id)).toMatchObject({
      details: { from: "expired", to: "running" },
    });
  });

  it("cannot be undone while an ancestor is suspended", async () => {
    await makeFamily();
    await call(member, "suspend_agent", { id: child.id });
    await call(member, "suspend_agent", { id: grandchild.id });
    expect(await codeOf(call(member, "resume_agent", { id: grandchild.id }))).toBe(
      "agent_suspended",
    );
    await call(member, "resume_agent", { id: child.id });
    expect(await alive(child, grandchild)).toEqual([true, false]);
    await call(member, "resume_agent", { id: grandchild.id });
    expect(await alive(grandchild)).toEqual([true]);
  });

  it("can be repeated, and appears in the log", async () => {
    await makeFamily();
    for (let n = 0; n < 2; n++) await call(member, "suspend_agent", { id: other.id });
    await call(member, "resume_agent", { id: other.id });
    for (let n = 0; n < 2; n++) await call(member, "stop_agent", { id: other.id });
    const rows = await db.sql`
      select type, agent_id from mayfly.events where subject = ${other.id} order by xid, id`;
    expect(rows.map((row) => row.type)).toEqual([
      "agent.spawned",
      "agent.suspended",
      "agent.resumed",
      "agent.stopped",
    ]);
    expect(rows[1]?.agent_id).toBe(member.sub);
  });

  it("suspends an agent that a thief also renews, until a member resumes it", async () => {
    await makeFamily();
    const thief = await renew(db.sql, other.renewalSecret);
    const first = await renew(db.sql, other.renewalSecret);
    await renew(db.sql, thief.renewal_secret);
    expect(await renew(db.sql, first.renewal_secret)).toEqual({ refused: "renewal_reused" });
    expect(await call(member, "get_agent", { id: other.id })).toMatchObject({
      status: "suspended",
      suspend_reason: "renewal secret used twice",
    });
    await call(member, "resume_agent", { id: other.id });
    expect(await alive(other)).toEqual([true]);
  });
});

describe("a heartbeat", () => {
  it("records when the agent was last seen, what it does, and how long it lives", async () => {
    await makeFamily();
    const beat = await call(other.claims, "heartbeat", { activity: "thinking", task: "a riddle" });
    expect(beat).toMatchObject({ activity: "thinking", task: "a riddle" });
    expect(beat.seconds_left).toBeGreaterThan(50);
    expect(await call(other.claims, "heartbeat")).toMatchObject({
      activity: "thinking",
      task: "a riddle",
    });
    expect(await call(other.claims, "heartbeat", { activity: "idle", task: "" })).toMatchObject({
      activity: "idle",
      task: null,
    });
    const card = await call(member, "get_agent", { id: other.id });
    expect(Date.now() - Date.parse(card.last_seen_at as string)).toBeLessThan(60_000);
  });

  it("causes no event, and no new version of the agent's row", async () => {
    await makeFamily();
    const before = await db.sql`select ctid::text from mayfly.agents where id = ${other.id}`;
    await call(other.claims, "heartbeat");
    await call(other.claims, "heartbeat", { activity: "idle" });
    expect([
      ...(await db.sql`select ctid::text from mayfly.agents where id = ${other.id}`),
    ]).toEqual([...before]);
    await call(other.claims, "heartbeat", { activity: "executing" });
    const events = await db.sql`select type from mayfly.events where subject = ${other.id}`;
    expect(events.map((row) => row.type)).toEqual(["agent.spawned"]);
  });

  it("is refused to the dead, to people, and with an unknown activity", async () => {
    await makeFamily();
    expect(await codeOf(call(member, "heartbeat"))).toBe("not_authorized");
    expect(await refusalOf(call(other.claims, "heartbeat", { activity: "dancing" }))).toMatchObject(
      {
        code: "invalid_request",
        details: { field: "activity" },
      },
    );
    await call(other.claims, "stop_agent");
    expect(await codeOf(call(other.claims, "heartbeat"))).toBe("not_authorized");
  });
});

describe("finding agents", () => {
  const find = (claims: Claims, values: Record<string, unknown> = {}) =>
    call<{ agents: Card[]; after: string | null }>(claims, "find_agents", values);
  const idsOf = async (claims: Claims, values: Record<string, unknown> = {}) =>
    (await find(claims, values)).agents.map((card) => card.id).sort();

  it("works by capability, type, parent and current status", async () => {
    await makeFamily();
    const able = await rpc<Issued>(
      db.sql,
      serviceRole,
      "spawn_agent",
      { capabilities: ["search", "sum"] },
      inTenant(tenant),
    );
    expect(await idsOf(member, { capabilities: ["sum"] })).toEqual([able.agent.id]);
    expect(await idsOf(member, { capabilities: ["sum", "fly"] })).toEqual([]);
    expect(await idsOf(member, { type: "lead" })).toEqual([parent.id]);
    expect(await idsOf(member, { parent: parent.id })).toEqual([child.id]);
    await call(parent.claims, "stop_agent");
    expect(await idsOf(member, { status: "running" })).toEqual([able.agent.id, other.id].sort());
    expect(await idsOf(member, { status: "stopped" })).toEqual(
      [parent.id, child.id, grandchild.id].sort(),
    );
  });

  it("returns pages by id, with each agent once", async () => {
    await makeFamily();
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: { agents: Card[]; after: string | null } = await find(member, {
        page_limit: 3,
        after,
      });
      seen.push(...page.agents.map((card) => card.id));
      after = page.after;
    } while (after);
    expect(seen).toEqual([parent.id, child.id, grandchild.id, other.id].sort());
    expect(await codeOf(find(member, { page_limit: 201 }))).toBe("invalid_request");
    expect(await codeOf(find(member, { status: "asleep" }))).toBe("invalid_request");
  });

  it("shows an agent without agent:read only itself and its descendants", async () => {
    await makeFamily();
    expect(await idsOf(child.claims)).toEqual([child.id, grandchild.id].sort());
    expect((await call(child.claims, "get_agent")).id).toBe(child.id);
    expect(await codeOf(call(child.claims, "get_agent", { id: parent.id }))).toBe("agent_unknown");
    expect(await codeOf(call(child.claims, "agent_tree", { root: parent.id }))).toBe(
      "agent_unknown",
    );
  });

  it("returns cards with the remaining time, limited by the ancestor that ends first", async () => {
    await makeFamily();
    // No call makes a parent end before its child.
    await db.sql`update mayfly.agents set expires_at = mayfly_private.now() + interval '10 seconds' where id = ${parent.id}`;
    const card = await call(member, "get_agent", { id: child.id });
    expect(card).toMatchObject({ status: "running", children: 1, parent: parent.id, depth: 1 });
    expect(card.seconds_left).toBeLessThanOrEqual(10);
    await call(parent.claims, "stop_agent");
    expect(await call(member, "get_agent", { id: child.id })).toMatchObject({
      status: "stopped",
      children: 0,
      seconds_left: 0,
    });
  });
});

describe("the tree of agents", () => {
  const shape = (cards: Card[]): unknown[] =>
    cards.map((card) => [card.id, shape(card.children as Card[])]);

  it("nests living agents, and ended ones if asked", async () => {
    await makeFamily();
    const family = [parent.id, [[child.id, [[grandchild.id, []]]]]];
    expect(shape(await call<Card[]>(member, "agent_tree"))).toEqual([family, [other.id, []]]);
    expect(shape(await call<Card[]>(child.claims, "agent_tree"))).toEqual([
      [child.id, [[grandchild.id, []]]],
    ]);
    await call(child.claims, "stop_agent");
    expect(shape(await call<Card[]>(member, "agent_tree", { root: parent.id }))).toEqual([
      [parent.id, []],
    ]);
    expect(
      shape(await call<Card[]>(member, "agent_tree", { root: parent.id, living: false })),
    ).toEqual([family]);
  });
});
