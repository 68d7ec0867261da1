import { describe, expect, it } from "vitest";
import { codeOf, refusalOf } from "#harness/callers";
import { call, type Entity, list, record, saidBy, setUp, traverse } from "./calls.ts";

setUp();

const names = (entities: Entity[]) => entities.map(({ name }) => name);

describe("an entity", () => {
  it("is found by its aliases, and keeps its old name after a rename", async () => {
    const set = await call<Entity>("set_entity", {
      name: "International Business Machines",
      type: "Company",
      aliases: ["IBM", "Big Blue"],
    });
    expect(set).toMatchObject({ type: "company", aliases: ["Big Blue", "IBM"] });
    const [fact] = await record([{ subject: "ibm", predicate: "founded", value: 1911 }]);
    expect(fact?.subject).toBe(set.id);
    const renamed = await call<Entity>("set_entity", {
      entity: "IBM",
      name: "IBM Corp.",
      description: "Computers",
    });
    expect(renamed).toMatchObject({ id: set.id, name: "IBM Corp.", description: "Computers" });
    expect(renamed.aliases).toEqual(["Big Blue", "IBM", "International Business Machines"]);
    expect(await call<Entity>("set_entity", { entity: { id: set.id }, aliases: [] })).toMatchObject(
      { aliases: [] },
    );
    expect(await codeOf(list({ subject: "Big Blue" }))).toBe("entity_unknown");
  });

  it("must be named with its type if entities of several types have its name", async () => {
    await record([
      { subject: { name: "Paris", type: "city" }, predicate: "in", object: "France" },
      { subject: { name: "Paris", type: "person" }, predicate: "age", value: 44 },
    ]);
    expect(
      await refusalOf(record([{ subject: "Paris", predicate: "is", value: 1 }])),
    ).toMatchObject({
      code: "entity_ambiguous",
      details: { types: ["city", "person"] },
    });
    expect(saidBy(await list({ subject: { name: "paris", type: "city" } }))).toEqual([
      "Paris in France",
    ]);
    // A caller that only reads does not have to name a type, and gets the facts of both entities.
    expect(await list({ subject: "paris" })).toHaveLength(2);
  });

  it("without a type gets the first type that somebody gives", async () => {
    const [first] = await record([{ subject: "Ada", predicate: "age", value: 36 }]);
    const [second] = await record([
      { subject: { name: "Ada", type: "person" }, predicate: "age", value: 37 },
    ]);
    expect(second?.subject).toBe(first?.subject);
    expect(await call("find_entities", { of_type: "person" })).toMatchObject([{ name: "Ada" }]);
  });

  it("cannot have the name of another entity as an alias", async () => {
    await record([{ subject: "IBM", predicate: "founded", value: 1911 }]);
    const taken = call("set_entity", { name: "International Business Machines", aliases: ["ibm"] });
    expect(await refusalOf(taken)).toMatchObject({
      code: "entity_exists",
      details: { field: "aliases" },
    });
    expect(await call("find_entities")).toHaveLength(1);
  });

  it("is found by any part of its names, first by their beginnings", async () => {
    await record([
      { subject: "Ada Lovelace", predicate: "knows", object: "Charles Babbage" },
      { subject: "Love", predicate: "is", value: 1 },
    ]);
    expect(names(await call("find_entities", { query: "love" }))).toEqual(["Love", "Ada Lovelace"]);
    expect(names(await call("find_entities", { query: "BABB", page_limit: 1 }))).toEqual([
      "Charles Babbage",
    ]);
    expect(names(await call("find_entities", { skip: 1, page_limit: 1 }))).toEqual([
      "Charles Babbage",
    ]);
    expect(await call("find_entities", { query: "%" })).toEqual([]);
  });

  it("with a name in any script is found by every spelling of this name", async () => {
    await record([
      { subject: "東京都", predicate: "人口", value: 14 },
      { subject: "Łódź", predicate: "in", object: "Polska" },
      { subject: "café\u0301 noir", predicate: "is", value: 1 },
    ]);
    expect(saidBy(await list({ subject: "東京都" }))).toEqual(["東京都 人口 14"]);
    expect(await list({ subject: "ŁÓDŹ" })).toHaveLength(1);
    expect(await list({ subject: "CAFE\u0301\u0301  noir" })).toHaveLength(1);
  });
});

describe("merging two entities", () => {
  it("makes one with the names and the facts of both", async () => {
    const [a] = await record([
      {
        subject: "Acme Inc.",
        predicate: "city",
        value: "Rome",
        valid_from: "2026-01-01T00:00:00Z",
      },
      { subject: "Acme Inc.", predicate: "size", value: 3, valid_from: "2026-01-01T00:00:00Z" },
      { subject: "Ada", predicate: "works_at", object: "Acme Inc.", many: true },
    ]);
    const [b] = await record([
      { subject: "ACME", predicate: "city", value: "Oslo", valid_from: "2026-02-01T00:00:00Z" },
      { subject: "ACME", predicate: "size", value: 3, valid_from: "2026-02-01T00:00:00Z" },
      { subject: "Ada", predicate: "works_at", object: "ACME", many: true },
    ]);
    const merged = await call<Entity>("merge_entities", { id: a?.subject, into_id: b?.subject });
    expect(merged).toMatchObject({ id: b?.subject, name: "ACME", aliases: ["Acme Inc."] });
    expect(saidBy(await list({ subject: "acme inc." })).sort()).toEqual([
      "ACME city Oslo",
      "ACME size 3",
    ]);
    expect(saidBy(await list({ subject: "acme", as_of: "2026-01-15T00:00:00Z" })).sort()).toEqual([
      "ACME city Rome",
      "ACME size 3",
    ]);
    expect(saidBy(await list({ subject: "Ada" }))).toEqual(["Ada works_at ACME"]);
    expect(await codeOf(call("merge_entities", { id: b?.subject, into_id: b?.subject }))).toBe(
      "invalid_request",
    );
    expect(await codeOf(call("merge_entities", { id: a?.subject, into_id: b?.subject }))).toBe(
      "entity_unknown",
    );
  });
});

describe("traversal", () => {
  const edge = (subject: string, predicate: string, object: string, more = {}) => ({
    subject,
    predicate,
    object,
    many: true,
    ...more,
  });
  const chain = () =>
    record([
      edge("a", "to", "b"),
      edge("b", "to", "c"),
      edge("c", "to", "a"),
      edge("c", "to", "d"),
      edge("d", "to", "e"),
      edge("x", "up", "a"),
    ]);

  it("follows one to three hops, and a cycle ends", async () => {
    await chain();
    const reach = async (hops: number, more = {}) =>
      names((await traverse({ start: "a", hops, direction: "out", ...more })).entities);
    expect(await reach(1)).toEqual(["a", "b"]);
    expect(await reach(2)).toEqual(["a", "b", "c"]);
    expect(await reach(3)).toEqual(["a", "b", "c", "d"]);
    const around = await traverse({ start: "a", hops: 3 });
    expect(names(around.entities).sort()).toEqual(["a", "b", "c", "d", "e", "x"]);
    expect(around.facts).toHaveLength(6);
    expect(new Set(around.facts.map(({ id }) => id)).size).toBe(6);
    expect(around).toMatchObject({ truncated: false });
    const d = around.entities.find(({ name }) => name === "d");
    expect(saidBy(around.facts.filter(({ id }) => id === d?.via))).toEqual(["c to d"]);
    expect((await reach(3, { direction: "in" })).sort()).toEqual(["a", "b", "c", "x"]);
    expect(await reach(3, { predicates: ["up"] })).toEqual(["a"]);
  });

  it("shows the graph as it was at an instant", async () => {
    await record([
      edge("a", "to", "b", {
        valid_from: "2026-01-01T00:00:00Z",
        valid_to: "2026-02-01T00:00:00Z",
      }),
    ]);
    expect((await traverse({ start: "a" })).facts).toEqual([]);
    expect((await traverse({ start: "a", as_of: "2026-01-15T00:00:00Z" })).facts).toHaveLength(1);
  });

  it("is bounded at an entity with many facts, and says so", async () => {
    await record(
      Array.from({ length: 120 }, (_, n) =>
        edge("hub", "to", `spoke ${n}`, { confidence: n / 120 }),
      ),
    );
    const around = await traverse({ start: "hub", hops: 3, fan_out: 10 });
    expect(around.facts).toHaveLength(10);
    expect(around.truncated).toBe(true);
    expect(around.facts[0]).toMatchObject({ object: { name: "spoke 119" } });
    const cut = await traverse({ start: "hub", fan_out: 200, result_limit: 30 });
    expect([cut.facts.length, cut.truncated]).toEqual([30, true]);
    expect(await traverse({ start: "hub", fan_out: 120 })).toMatchObject({ truncated: false });
  });

  it("starts from several entities, and names an invalid field", async () => {
    await chain();
    expect(
      names((await traverse({ start: ["d", { name: "x" }], direction: "out" })).entities),
    ).toHaveLength(4);
    const field = async (values: Record<string, unknown>) =>
      (await refusalOf(traverse({ start: "a", ...values }))).details;
    expect(await field({ hops: 4 })).toMatchObject({ field: "hops" });
    expect(await field({ direction: "up" })).toMatchObject({ field: "direction" });
    expect(await field({ start: [] })).toMatchObject({ field: "start" });
    expect(await field({ start: "nobody" })).toMatchObject({ field: "start" });
    expect(await field({ fan_out: 0 })).toMatchObject({ field: "fan_out" });
  });
});

describe("what is known about a text", () => {
  const about = (values: Record<string, unknown>) =>
    call<{ entities: Entity[]; facts: { hop: number }[]; truncated: boolean }>(
      "facts_about",
      values,
    );

  it("comes from the entities that it names, also by aliases and names of several words", async () => {
    await call("set_entity", { name: "Ada Lovelace", aliases: ["the Countess"] });
    await record([
      { subject: "Ada Lovelace", predicate: "knows", object: "Charles Babbage" },
      { subject: "C++", predicate: "made by", object: "Bjarne" },
      { subject: "数据库", predicate: "owner", value: "王" },
    ]);
    const named = async (query: string) =>
      (await about({ query })).entities.filter(({ hops }) => hops === 0).map(({ name }) => name);
    expect(await named("Who was Ada Lovelace's friend?")).toEqual(["Ada Lovelace"]);
    expect(await named("what did THE COUNTESS write")).toEqual(["Ada Lovelace"]);
    expect(await named("Is C++ (by Bjarne) old?")).toEqual(["Bjarne", "C++"]);
    expect(await named("谁负责数据库备份？")).toEqual(["数据库"]);
    expect(await about({ query: "nothing that anybody knows" })).toEqual({
      entities: [],
      facts: [],
      truncated: false,
    });
    expect(await about({})).toEqual({ entities: [], facts: [], truncated: false });
  });
});
