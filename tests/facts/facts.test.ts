import { describe, expect, it } from "vitest";
import { codeOf, makeAgent, refusalOf, rpc } from "#harness/callers";
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

describe("a fact", () => {
  it("creates new entities, and finds them again in any spelling", async () => {
    const [first] = await record([works("Acme")]);
    expect(first).toMatchObject({ status: "recorded", superseded: [], valid_to: null });
    const [again] = await record([
      { subject: " ADA ", predicate: "Works-At", object: "ＡＣＭＥ", confidence: 0.9 },
    ]);
    expect(again).toMatchObject({ id: first?.id, status: "confirmed", subject: first?.subject });
    expect(await list({ subject: "ada" })).toMatchObject([
      { predicate: "works_at", confirmations: 1, confidence: 0.9, object: { type: "company" } },
    ]);
    expect(await call<Entity[]>("find_entities")).toHaveLength(2);
  });

  it("is superseded by a newer fact, and stays true for its own time", async () => {
    const [old] = await record([works("Acme", { valid_from: day(1) })]);
    const [now] = await record([works("Globex", { valid_from: day(10) })]);
    expect(now).toMatchObject({ status: "superseded", superseded: [old?.id] });
    expect(saidBy(await list({ subject: "Ada" }))).toEqual(["Ada works_at Globex"]);
    expect(saidBy(await list({ subject: "Ada", as_of: day(5) }))).toEqual(["Ada works_at Acme"]);
    expect(await list({ subject: "Ada", as_of: "2026-02-01T00:00:00Z" })).toEqual([]);
    const all = await list({ subject: "Ada", history: true });
    expect(saidBy(all)).toEqual(["Ada works_at Globex", "Ada works_at Acme"]);
    expect(all[1]).toMatchObject({ superseded_by: now?.id });
  });

  it("that arrives late ends where the next fact begins", async () => {
    await record([works("Acme", { valid_from: day(1) })]);
    await record([works("Globex", { valid_from: day(20) })]);
    const [late] = await record([works("Initech", { valid_from: day(10) })]);
    expect(Date.parse(late?.valid_to ?? "")).toBe(Date.parse(day(20)));
    const at = async (n: number) => saidBy(await list({ subject: "Ada", as_of: day(n) }));
    expect([await at(9), await at(10), await at(19), await at(20)]).toEqual(
      ["Acme", "Initech", "Initech", "Globex"].map((name) => [`Ada works_at ${name}`]),
    );
  });

  it("corrects an earlier fact that is true from the same time on", async () => {
    await record([works("Acme", { valid_from: day(1) })]);
    await record([works("Globex", { valid_from: day(1) })]);
    expect(saidBy(await list({ subject: "Ada", as_of: day(1) }))).toEqual(["Ada works_at Globex"]);
    expect(await list({ subject: "Ada", history: true })).toHaveLength(2);
    // The corrected fact no longer counts: a fact from an earlier time ends where the fact about Globex begins.
    const [back] = await record([works("Acme", { valid_from: "2026-02-20T00:00:00Z" })]);
    expect(Date.parse(back?.valid_to ?? "")).toBe(Date.parse(day(1)));
  });

  it("recorded with many: true coexists with others of the same subject and predicate", async () => {
    const knows = (name: string) => ({
      subject: "Ada",
      predicate: "knows",
      object: name,
      many: true,
    });
    await record([knows("Grace"), knows("Alan"), knows("Grace")]);
    expect(saidBy(await list({ subject: "Ada" })).sort()).toEqual([
      "Ada knows Alan",
      "Ada knows Grace",
    ]);
  });

  it("can have any JSON as its value, and is not recorded twice with equal values", async () => {
    const born = (value: unknown) => ({ subject: "Ada", predicate: "born", value });
    await record([born({ year: 1815, month: 12 })]);
    expect(await record([born({ month: 12.0, year: 1815 })])).toMatchObject([
      { status: "confirmed" },
    ]);
    expect(await record([born(null)])).toMatchObject([{ status: "superseded" }]);
    expect(await list({ subject: "Ada" })).toMatchObject([{ value: null, object: null }]);
  });

  it("can end without a newer fact", async () => {
    const [fact] = await record([works("Acme", { valid_from: day(1) })]);
    expect(await call("end_facts", { ids: [fact?.id], at: day(9) })).toEqual({ ended: [fact?.id] });
    expect(await list({ subject: "Ada" })).toEqual([]);
    expect(await list({ subject: "Ada", as_of: day(8) })).toHaveLength(1);
    expect(
      await refusalOf(call("end_facts", { ids: [fact?.id], at: "2026-01-01T00:00:00Z" })),
    ).toMatchObject({
      code: "invalid_request",
      details: { field: "at" },
    });
  });

  it("is listed by predicate, object and source memory, page by page", async () => {
    const put = putOf({ task: "Met Ada" });
    await rpc(db.sql, agent.claims, "sync", { push: [put] as never });
    await record([works("Acme", { memory_id: put.memory.id, source: "Ada of Acme" })]);
    await record([
      { subject: "Grace", predicate: "works_at", object: "Acme" },
      { subject: "Ada", predicate: "age", value: 36 },
    ]);
    expect(await list({ memory: put.memory.id })).toMatchObject([{ source: "Ada of Acme" }]);
    expect(await list({ predicate: "Works at" })).toHaveLength(2);
    expect(await list({ object: "acme", subject: "grace" })).toHaveLength(1);
    const all = await list({});
    const [first] = await list({ page_limit: 1 });
    const rest = await list({ before: first?.id });
    expect([first, ...rest]).toEqual(all);
  });

  it("that has expired disappears, and maintenance deletes it with its entities", async () => {
    const [row] = await db.sql`select mayfly_private.now() + interval '1 hour' as at`;
    await record([works("Acme", { expires_at: (row?.at as Date).toISOString() })]);
    await record([{ subject: "Ada", predicate: "age", value: 36 }]);
    await db.advance("2 hours");
    expect(saidBy(await list({ subject: "Ada" }))).toEqual(["Ada age 36"]);
    expect(await record([works("Globex")])).toMatchObject([{ status: "recorded" }]);
    await record([
      { subject: "Old", predicate: "is", value: 1, expires_at: "2126-01-01T00:00:00Z" },
    ]);
    await db.advance("100 years");
    await db.sql`select mayfly_private.maintain_facts(${tenant}, 1000)`;
    const names =
      await db.sql`select name from mayfly.entities where tenant_id = ${tenant} order by 1`;
    expect(names.map(({ name }) => name)).toEqual(["Acme", "Ada", "Globex"]);
  });
});

describe("facts", () => {
  const good = { subject: "Ada", predicate: "age", value: 36 };
  it.each([
    ["no list", {}, "facts", undefined],
    ["an empty list", [], "facts", undefined],
    ["an unknown field", [good, { ...good, sure: 1 }], "sure", 1],
    ["no subject", [{ ...good, subject: "  " }], "subject", 0],
    [
      "an id and a name",
      [{ ...good, subject: { id: crypto.randomUUID(), name: "x" } }],
      "subject",
      0,
    ],
    ["no predicate", [{ ...good, predicate: "-" }], "predicate", 0],
    ["neither object nor value", [{ subject: "Ada", predicate: "age" }], "object", 0],
    ["both object and value", [{ ...good, object: "x" }], "object", 0],
    ["a value that is too large", [{ ...good, value: "x".repeat(9000) }], "value", 0],
    ["a confidence above 1", [{ ...good, confidence: 2 }], "confidence", 0],
    ["an invalid date", [{ ...good, valid_from: "tomorrow" }], "valid_from", 0],
    [
      "an end before the beginning",
      [{ ...good, valid_from: day(2), valid_to: day(1) }],
      "valid_to",
      0,
    ],
    ["an expiry in the past", [{ ...good, expires_at: day(1) }], "expires_at", 0],
    ["an unknown visibility", [{ ...good, visibility: "all" }], "visibility", 0],
  ])(
    "with %s are refused with the field and the index, and nothing is written",
    async (_, facts, field, index) => {
      const refused = await refusalOf(call("record_facts", { facts }));
      expect(refused).toMatchObject({ code: "invalid_request", details: { field } });
      expect((refused.details as { index?: number }).index).toBe(index);
      expect(await call("find_entities")).toEqual([]);
    },
  );

  it("are refused with an invisible memory, an unknown entity or a missing scope", async () => {
    const memory_id = crypto.randomUUID();
    expect(await refusalOf(record([good, { ...good, memory_id }]))).toMatchObject({
      code: "memory_unknown",
      details: { field: "memory_id", index: 1 },
    });
    const subject = { id: crypto.randomUUID() };
    expect(await codeOf(record([{ ...good, subject }]))).toBe("entity_unknown");
    expect(await codeOf(list({ subject: "nobody" }))).toBe("entity_unknown");
    const reader = await makeAgent(db.sql, tenant, { scopes: ["fact:read"] });
    expect(await refusalOf(record([good], reader.claims))).toMatchObject({
      code: "scope_missing",
      details: { scope: "fact:write" },
    });
  });
});
