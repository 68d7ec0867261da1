import { describe, expect, it } from "vitest";
import { codeOf, makeAgent, makePerson, makeTenant, refusalOf, rpc } from "#harness/callers";
import { putOf } from "#harness/operations";
import { agent, call, db, type Entity, list, record, saidBy, setUp, tenant } from "./calls.ts";

setUp();

const day = (n: number) => `2026-03-${String(n).padStart(2, "0")}T00:00:00Z`;
const works = (at: string, more: Record<string, unknown> = {}) => ({
  subject: { name: "Ada", type: "person" },
  predicate: "works at",
  object: { name: at, type: "company" },
  ...more,
});

describe("visibility", () => {
  it("of a private fact is limited to its agent, its ancestors and admins", async () => {
    const child = await makeAgent(db.sql, tenant, {
      as: agent.claims,
      scopes: ["fact:read", "fact:write"],
    });
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    const [secret] = await record([works("Acme", { visibility: "agent" })], child.claims);
    const seen = async (claims: Record<string, unknown>) =>
      list({}, claims).then((facts) => facts.length);
    expect([await seen(child.claims), await seen(agent.claims), await seen(admin)]).toEqual([
      1, 1, 1,
    ]);
    expect([await seen(other.claims), await seen(viewer)]).toEqual([0, 0]);
    expect(await call("find_entities", {}, other.claims)).toEqual([]);

    // What others say about the same name is about another entity, and replaces nothing private.
    const [theirs] = await record([works("Globex")], other.claims);
    expect(theirs).toMatchObject({ status: "recorded" });
    expect(theirs?.subject).not.toBe(secret?.subject);
    expect(await codeOf(call("end_facts", { ids: [secret?.id] }, other.claims))).toBe(
      "fact_unknown",
    );
    expect(await codeOf(call("forget_facts", { ids: [secret?.id] }, other.claims))).toBe(
      "fact_unknown",
    );
    expect(
      await codeOf(
        call("merge_entities", { id: secret?.subject, into_id: theirs?.subject }, other.claims),
      ),
    ).toBe("entity_unknown");
  });

  it("of an entity widens when its agent records a public fact about it", async () => {
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    const [secret] = await record([works("Acme", { visibility: "agent" })]);
    const [open] = await record([{ subject: "Ada", predicate: "age", value: 36 }]);
    expect(open?.subject).toBe(secret?.subject);
    expect(saidBy(await list({}, other.claims))).toEqual(["Ada age 36"]);
    expect(await call<Entity[]>("find_entities", {}, other.claims)).toMatchObject([
      { name: "Ada" },
    ]);
  });

  it("of a fact from a private memory is private unless the caller says otherwise", async () => {
    const put = putOf({ task: "secret", visibility: "agent" });
    await rpc(db.sql, agent.claims, "sync", { push: [put] as never });
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read"] });
    await record([{ subject: "Ada", predicate: "age", value: 36, memory_id: put.memory.id }]);
    expect(await list({}, other.claims)).toEqual([]);
    await record([
      {
        subject: "Ada",
        predicate: "age",
        value: 36,
        memory_id: put.memory.id,
        visibility: "tenant",
      },
    ]);
    expect(await list({}, other.claims)).toHaveLength(1);
  });

  it("of a private fact does not change the entity that the tenant sees", async () => {
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    await record([{ subject: "Acme", predicate: "size", value: 3 }], other.claims);
    await record([works("Acme", { visibility: "agent" })]);
    expect(await call("find_entities", { query: "acme" }, other.claims)).toMatchObject([
      { type: "thing" },
    ]);
    const secret = { name: "Acme", description: "about to be bought", visibility: "agent" };
    expect(await codeOf(call("set_entity", secret))).toBe("entity_exists");
  });

  it("never extends to another tenant", async () => {
    const [fact] = await record([works("Acme")]);
    const elsewhere = await makeTenant(db.sql);
    const stranger = await makeAgent(db.sql, elsewhere, { scopes: ["fact:read", "fact:write"] });
    expect(await list({}, stranger.claims)).toEqual([]);
    expect(await codeOf(call("forget_facts", { ids: [fact?.id] }, stranger.claims))).toBe(
      "fact_unknown",
    );
    expect(
      await codeOf(
        record([{ subject: { id: fact?.subject }, predicate: "is", value: 1 }], stranger.claims),
      ),
    ).toBe("entity_unknown");
  });
});

describe("forgetting", () => {
  it("is allowed to the fact's author and to fact:admin, and removes unused entities", async () => {
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const [fact] = await record([works("Acme")]);
    expect(await refusalOf(call("forget_facts", { ids: [fact?.id] }, other.claims))).toMatchObject({
      code: "scope_missing",
    });
    expect(await call("forget_facts", { ids: [fact?.id] })).toEqual({ forgotten: 1 });
    expect(await call("find_entities")).toEqual([]);

    await record([
      works("Acme"),
      { subject: "Acme", predicate: "size", value: 3 },
      { subject: "Grace", predicate: "age", value: 85 },
    ]);
    const [acme] = await call<Entity[]>("find_entities", { query: "acme" });
    expect(await codeOf(call("forget_entity", { id: acme?.id }))).toBe("scope_missing");
    expect(await call("forget_entity", { id: acme?.id, max_rows: 1 }, admin)).toEqual({
      forgotten: 1,
      more: true,
    });
    expect(await call("forget_entity", { id: acme?.id }, admin)).toEqual({
      forgotten: 1,
      more: false,
    });
    expect((await call<Entity[]>("find_entities")).map(({ name }) => name)).toEqual(["Grace"]);
  });

  it("a memory keeps its facts, which can be forgotten by the id of the memory", async () => {
    const put = putOf({ task: "Met Ada" });
    await rpc(db.sql, agent.claims, "sync", { push: [put] as never });
    await record([works("Acme", { memory_id: put.memory.id })]);
    expect(await call("forget_facts", { memory: put.memory.id })).toEqual({ forgotten: 1 });
    expect(await list({})).toEqual([]);
  });

  it("by age is a setting of the tenant, and by default ended facts stay", async () => {
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    await record([works("Acme", { valid_from: day(1) })]);
    await record([works("Globex", { valid_from: day(2) })]);
    const maintain = async () => {
      const [row] = await db.sql`select mayfly_private.maintain_facts(${tenant}, 1000) as done`;
      return (row?.done as { facts: number }).facts;
    };
    expect(await maintain()).toBe(0);
    expect(await codeOf(call("set_fact_retention", { ended_kept: 60 }))).toBe("scope_missing");
    expect(await call("set_fact_retention", { ended_kept: 60 }, admin)).toEqual({ ended_kept: 60 });
    expect(await maintain()).toBe(1);
    expect(await list({ history: true })).toHaveLength(1);
  });
});

describe("charges and events of facts", () => {
  it("count against the tenant's bytes until they are deleted", async () => {
    const usage = () =>
      rpc<{ bytes: number; writes_this_minute: number }>(db.sql, agent.claims, "usage");
    const before = await usage();
    const [fact] = await record([works("Acme")]);
    const after = await usage();
    expect(after.bytes).toBeGreaterThan(before.bytes + 1500);
    await record([works("Acme")]);
    expect((await usage()).writes_this_minute).toBeGreaterThan(after.writes_this_minute);
    await call("forget_facts", { ids: [fact?.id] });
    expect((await usage()).bytes).toBe(before.bytes);
    await db.sql`update mayfly.tenants set max_bytes = 0 where id = ${tenant}`;
    expect(await codeOf(record([works("Acme")]))).toBe("quota_exceeded");
    expect(await call("find_entities")).toEqual([]);
  });

  it("appear in the log, private facts only for their agent", async () => {
    const other = await makeAgent(db.sql, tenant, { scopes: ["fact:read"] });
    const read = async (since: string | null, claims = agent.claims) =>
      rpc<{ events: { type: string }[]; cursor: string }>(db.sql, claims, "read_log", {
        since,
        types: ["fact.*"],
      });
    const { cursor } = await read(null);
    const { cursor: theirs } = await read(null, other.claims);
    await record([works("Acme", { valid_from: day(1) }), works("Acme")]);
    const [globex] = await record([works("Globex", { valid_from: day(2) })]);
    await call("forget_facts", { ids: [globex?.id] });
    await record([works("Initech", { visibility: "agent" })]);
    const types = (page: { events: { type: string }[] }) => page.events.map(({ type }) => type);
    const open = ["fact.recorded", "fact.ended", "fact.recorded", "fact.forgotten"];
    expect(types(await read(cursor))).toEqual([...open, "fact.recorded"]);
    expect(types(await read(theirs, other.claims))).toEqual(open);
  });
});
