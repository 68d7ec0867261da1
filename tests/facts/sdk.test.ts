/** Facts through the SDK and the command line, as a person uses them. */
import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});
const run = (...given: string[]) =>
  runCli(given, {
    env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
  });

describe("agent.facts", () => {
  it("records, supersedes and lists with dates, and null is a value", async () => {
    const validFrom = new Date("2026-01-01T00:00:00Z");
    const [first] = dataOf(
      await agent.facts.record({
        subject: "Ada",
        predicate: "works at",
        object: "Acme",
        validFrom,
      }),
    );
    expect(first).toMatchObject({ status: "recorded", validFrom, validTo: null });
    const [second] = dataOf(
      await agent.facts.record([{ subject: "Ada", predicate: "works at", value: null }]),
    );
    expect(second).toMatchObject({ status: "superseded", superseded: [first?.id], object: null });
    const [fact] = dataOf(await agent.facts.list({ subject: "Ada", asOf: new Date("2026-02-01") }));
    expect(fact).toMatchObject({ agentId: agent.id, object: { name: "Acme" }, validFrom });
    expect(fact?.validTo).toBeInstanceOf(Date);
    expect(fact?.recordedAt).toBeInstanceOf(Date);
    expect(dataOf(await agent.facts.list({ history: true, limit: 1 }))).toMatchObject([
      { value: null },
    ]);
  });

  it("says which field of which fact is wrong", async () => {
    const { error } = await agent.facts.record([
      { subject: "Ada", predicate: "age", value: 36 },
      { subject: "", predicate: "age", value: 36 },
    ]);
    expect(error).toMatchObject({
      code: "invalid_request",
      details: { field: "subject", index: 1 },
    });
    const at = new Date(Number.NaN);
    const wrong = await agent.facts.record({
      subject: "A",
      predicate: "b",
      value: 1,
      validFrom: at,
    });
    expect(wrong.error).toMatchObject({ details: { field: "valid_from" } });
    expect((await agent.facts.list({ subject: "nobody" })).error?.code).toBe("entity_unknown");
  });

  it("returns facts about the entities in a recall's question, and facts from the memories that it finds", async () => {
    const { id } = dataOf(
      await agent.remember({
        task: "Outage of the payment service",
        output: "The queue was full.",
      }),
    );
    await agent.sync();
    dataOf(
      await agent.facts.record([
        { subject: { name: "Billing", type: "service" }, predicate: "owner", object: "Grace" },
        { subject: "Billing", predicate: "depends on", object: "Ledger", many: true },
        { subject: "the queue", predicate: "limit", value: 100, memoryId: id },
      ]),
    );
    const found = dataOf(await agent.facts.recall("payment outage in billing?", { limit: 3 }));
    expect(found.results.map((memory) => memory.id)).toContain(id);
    expect(found.entities[0]).toMatchObject({ name: "Billing", named: "Billing", hops: 0 });
    expect(found.facts.map((fact) => [fact.predicate, fact.hop]).sort()).toEqual([
      ["depends_on", 1],
      ["limit", 0],
      ["owner", 1],
    ]);
    expect(found).toMatchObject({ factsTruncated: false, factsProblem: null });

    const blind = await spawnIn(mayfly, { scopes: ["memory:read"] });
    const memories = dataOf(await blind.facts.recall("payment outage in billing?"));
    expect(memories.results).not.toEqual([]);
    expect(memories.factsProblem).toContain("fact:read");
  });

  it("sets, merges and forgets entities, and ends and forgets facts", async () => {
    const ibm = dataOf(
      await agent.facts.entities.set({ name: "IBM Corp.", type: "company" }, { aliases: ["IBM"] }),
    );
    const [twin] = dataOf(
      await agent.facts.record({ subject: "Big Blue", predicate: "founded", value: 1911 }),
    );
    const merged = dataOf(await agent.facts.entities.merge(twin?.subject ?? "", ibm.id));
    expect(merged.aliases).toEqual(["Big Blue", "IBM"]);
    expect(merged.createdAt).toBeInstanceOf(Date);
    expect(dataOf(await agent.facts.end(twin?.id ?? ""))).toEqual({ ended: [twin?.id] });
    expect(dataOf(await agent.facts.forget(twin?.id ?? ""))).toEqual({ forgotten: 1 });
    expect(dataOf(await mayfly.facts.entities.forget(ibm.id))).toEqual({ forgotten: 0 });
    expect(dataOf(await agent.facts.entities.find("big blue"))).toEqual([]);
    expect(dataOf(await mayfly.facts.setRetention(86_400))).toEqual({ endedKept: 86_400 });
    expect(dataOf(await mayfly.facts.setRetention(null))).toEqual({ endedKept: null });
  });
});

describe("mayfly facts and mayfly entities", () => {
  it("show facts, their surroundings and their past", async () => {
    const edge = (subject: string, object: string) => ({
      subject,
      predicate: "feeds",
      object,
      many: true,
    });
    dataOf(await agent.facts.record([edge("spring", "brook"), edge("brook", "river")]));
    dataOf(await agent.facts.record({ subject: "spring", predicate: "depth", value: 1 }));
    dataOf(await agent.facts.record({ subject: "spring", predicate: "depth", value: 2 }));
    const facts = await run("facts", "Spring");
    expect(facts.out).toMatch(/spring +feeds +brook/);
    expect(facts.out).not.toContain("river");
    expect((await run("facts", "spring", "--hops", "2")).out).toMatch(/brook +feeds +river/);
    const history = await run("facts", "spring", "--history", "--json");
    expect(JSON.parse(history.out).facts).toHaveLength(3);
    expect((await run("entities", "riv")).out).toMatch(/river +thing/);
    const unknown = await run("facts", "nobody");
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining("no such entity")]);
  });
});
