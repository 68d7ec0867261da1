/** Attributes through the SDK: set with a job, changed by its handler, and searched for as values or as a text. */
import { type Agent, type Mayfly, workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});

const fast = { pollMs: 100, drainOnTermination: false };

it("a text finds what it says: words, numbers, true and false, and texts in quotes", async () => {
  dataOf(
    await mayfly.jobs.add([
      { name: "one", attributes: { customer: "acme", orders: 3, vip: true } },
      { name: "two", attributes: { customer: "acme", orders: "3", vip: "true" } },
      { name: "three", attributes: { customer: 'Team "XL"', url: "http://a.b/c:1" } },
      { name: "four", attributes: { constructor: "odd", version: "1.0" } },
    ]),
  );
  const found = async (where: Parameters<Mayfly["jobs"]["list"]>[0]) =>
    dataOf(await mayfly.jobs.list(where))
      .map(({ name }) => name)
      .sort();
  expect(await found({ where: "customer:acme" })).toEqual(["one", "two"]);
  expect(await found({ where: "customer:acme orders:3" })).toEqual(["one", "two"]);
  expect(await found({ where: 'orders:"3"' })).toEqual(["two"]);
  expect(await found({ where: { orders: 3 } })).toEqual(["one"]);
  expect(await found({ where: "  vip:true customer:acme " })).toEqual(["one", "two"]);
  expect(await found({ where: { vip: [true, false] } })).toEqual(["one"]);
  expect(await found({ where: 'customer:"Team \\"XL\\""' })).toEqual(["three"]);
  expect(await found({ where: "url:http://a.b/c:1" })).toEqual(["three"]);
  expect(await found({ where: "constructor:odd" })).toEqual(["four"]);
  expect(await found({ where: "version:1.0" })).toEqual(["four"]);
  expect(await found({ where: "orders:3 version:1.0" })).toEqual([]);
  // The same name twice finds either value, as a list does.
  expect(await found({ where: 'customer:acme customer:"Team \\"XL\\""' })).toHaveLength(3);
  expect(await found({ where: "" })).toHaveLength(4);
  for (const where of ["acme", "customer:", 'customer:"acme', ":acme", "a:b c", "1a:b"])
    for (const list of [mayfly.jobs, mayfly.workflows, mayfly.runs])
      expect((await list.list({ where })).error).toMatchObject({
        code: "invalid_request",
        details: { field: "where" },
      });
});

it("a handler changes the attributes of its job, and a refusal names the field", async () => {
  const work = dataOf(
    await agent.work(
      {
        sort: async (_: unknown, job) => {
          const first = await job.attributes({ stage: "sorted", draft: null });
          const refused = await job.attributes({ stage: "" }).catch((error) => error.details);
          return { first, refused };
        },
      },
      fast,
    ),
  );
  const { id } = dataOf(
    await mayfly.jobs.add("sort", {}, { attributes: { customer_id: "acme", draft: true } }),
  );
  const job = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000, pollMs: 50 }));
  const attributes = { customer_id: "acme", stage: "sorted" };
  expect(job).toMatchObject({
    result: { first: attributes, refused: { field: "changes.stage" } },
    attributes,
  });
  expect(dataOf(await mayfly.jobs.list({ where: "stage:sorted" }))).toMatchObject([{ attributes }]);
  await work.stop();
});

it("a workflow changes its attributes once, and not again when it wakes up", async () => {
  const shipping = workflow("shipping", z.object({}), async (ctx) => {
    await ctx.attributes({ stage: "packed" });
    await ctx.signal("go");
    return ctx.attributes({ stage: "sent" });
  });
  const work = dataOf(await agent.work(shipping.handlers, fast));
  const start = mayfly.workflows.start(shipping, {}, { attributes: { order: 17 } });
  const { id } = dataOf(await start);
  let waiting: unknown[] = [];
  while (waiting.length === 0)
    waiting = dataOf(await mayfly.workflows.list({ where: "stage:packed", status: "waiting" }));
  dataOf(await mayfly.workflows.signal(id, "go"));
  dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000, pollMs: 50 }));
  const attributes = { order: 17, stage: "sent" };
  expect(dataOf(await mayfly.workflows.query(id))).toMatchObject({
    attributes,
    result: attributes,
  });
  expect(dataOf(await mayfly.workflows.list({ where: { order: 17 } }))).toMatchObject([
    { name: "shipping", attributes },
  ]);
  expect(dataOf(await mayfly.workflows.list({ where: "stage:packed" }))).toEqual([]);
  const { checkpoints } = dataOf(await mayfly.workflows.history(id));
  expect(checkpoints.filter(({ name }) => name.startsWith("attributes"))).toMatchObject([
    { name: "attributes: 1", attempt: 1, result: { order: 17, stage: "packed" } },
    { name: "attributes: 2", attempt: 2, result: attributes },
  ]);
  await work.stop();
});
