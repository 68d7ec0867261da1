/** What workers publish about their handlers when they start, as the SDK and `mayfly jobs kinds` show it. */
import {
  defineAgent,
  graph,
  type JobHandlers,
  Mayfly,
  runAgents,
  serveJobs,
  workflow,
} from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf, spawnIn } from "#harness/agents";
import { mayflyWith, signIn, startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

const fast = { pollMs: 200, drainOnTermination: false };
const namesOf = async ({ jobs }: Mayfly) => dataOf(await jobs.kinds.list()).map(({ name }) => name);
const schemaOf = async ({ jobs }: Mayfly, name: string) =>
  dataOf(await jobs.kinds.get(name))?.inputSchema;
const outlineOf = (mayfly: Mayfly) =>
  mayfly.jobs.define({
    outline: {
      input: z
        .object({
          url: z.url().describe("The page."),
          depth: z.int().min(1).max(6).default(2),
          from: z.coerce.date().optional(),
        })
        .describe("Outlines a page."),
    },
    plain: {},
  });
const publish = workflow("publish", z.object({ urls: z.array(z.string()) }), () => null, {
  version: "2",
  description: "Publishes pages.",
});
const digest = graph("digest", z.object({ post: z.boolean() }), {
  read: {},
  join: { needs: ["read"] },
});
const analyst = defineAgent({
  name: "analyst",
  model: new MockLanguageModelV4(),
  description: "Looks at an order.",
  input: z.object({ order: z.number() }),
});

describe("a worker that starts", () => {
  it("publishes its jobs, workflows, graphs and agents, each with the schema of its input", async () => {
    const { mayfly } = await local.enter();
    const agent = await spawnIn(mayfly, { name: "worker", lifetime: 300 });
    const work = dataOf(
      await agent.work(
        {
          ...outlineOf(mayfly).handlers({ outline: () => null, plain: () => null }),
          ...publish.handlers,
          ...digest.handlers({ read: () => 1, join: () => 2 }),
          ...runAgents(analyst),
          free: () => null,
        },
        fast,
      ),
    );
    await expect
      .poll(() => namesOf(mayfly), { timeout: 20_000 })
      .toEqual([
        "free",
        "outline",
        "plain",
        "run:analyst",
        "workflow:digest:1",
        "workflow:publish:2",
      ]);
    expect(dataOf(await mayfly.jobs.kinds.get("outline"))).toEqual({
      name: "outline",
      type: "job",
      title: "outline",
      version: null,
      description: "Outlines a page.",
      hasSchema: true,
      publishedAt: expect.any(Date),
      publishedBy: agent.id,
      inputSchema: {
        type: "object",
        description: "Outlines a page.",
        properties: {
          url: { type: "string", format: "uri", description: "The page." },
          depth: { type: "integer", minimum: 1, maximum: 6, default: 2 },
          from: { type: "string", format: "date-time" },
        },
        required: ["url"],
      },
    });
    // Fields keep the order in which they were written.
    const { properties } = (await schemaOf(mayfly, "outline")) as { properties: object };
    expect(Object.keys(properties)).toEqual(["url", "depth", "from"]);
    expect(dataOf(await mayfly.jobs.kinds.get("workflow:publish:2"))).toMatchObject({
      ...{ type: "workflow", title: "publish", version: "2", description: "Publishes pages." },
      inputSchema: { properties: { urls: { type: "array", items: { type: "string" } } } },
    });
    expect(dataOf(await mayfly.jobs.kinds.get("run:analyst"))).toMatchObject({
      ...{ type: "agent", title: "analyst", description: "Looks at an order." },
      inputSchema: { required: ["order"] },
    });
    expect(await schemaOf(mayfly, "workflow:digest:1")).toMatchObject({ required: ["post"] });
    expect(await schemaOf(mayfly, "free")).toBeNull();
    expect(dataOf(await mayfly.jobs.kinds.get("unknown"))).toBeNull();
    await work.stop();
    await mayfly.close({ stopAgents: true });
  });

  it("publishes a schema that JSON cannot express as none, says why in the debug stream, and works", async () => {
    const { mayfly } = await local.enter();
    const told: unknown[] = [];
    const { data: watch } = await mayfly.debug.watch({ level: "detailed" }, ({ name, data }) => {
      if (name.startsWith("job kinds")) told.push(data);
    });
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const long = z.enum(Array.from({ length: 900 }, (_, n) => `${n} ${"x".repeat(20)}`));
    const kinds = mayfly.jobs.define({
      dated: { input: z.object({ at: z.date() }) },
      mapped: { input: z.map(z.string(), z.string()) },
      large: { input: z.object({ long }) },
      unstorable: { input: z.object({ a: z.string().describe("nul \0") }) },
      foreign: { input: { "~standard": { validate: (value) => ({ value }) } } },
      broken: { input: {} as never },
      good: { input: z.object({ n: z.number() }) },
    });
    const handlers = kinds.handlers({
      dated: () => null,
      mapped: () => null,
      large: () => null,
      unstorable: () => null,
      foreign: () => "done",
      broken: () => null,
      good: ({ n }) => n + 1,
    });
    const work = dataOf(await agent.work(handlers, fast));
    await expect.poll(async () => (await namesOf(mayfly)).length, { timeout: 20_000 }).toBe(7);
    const withSchema = dataOf(await mayfly.jobs.kinds.list()).filter(({ hasSchema }) => hasSchema);
    expect(withSchema.map(({ name }) => name)).toEqual(["good"]);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(6);
    expect(told).toEqual(
      expect.arrayContaining([
        { name: "dated", why: expect.stringMatching(/date/i) },
        { name: "mapped", why: expect.stringMatching(/map/i) },
        { name: "large", why: "it has more than 16384 bytes" },
        { name: "unstorable", why: expect.stringContaining("U+0000") },
        { name: "foreign", why: expect.stringContaining("conversion to JSON Schema") },
        { name: "broken", why: expect.any(String) },
      ]),
    );
    const { id } = dataOf(await mayfly.jobs.add("good", { n: 1 }));
    expect(dataOf(await mayfly.jobs.ended(id)).result).toBe(2);
    await work.stop();
    await watch?.stop();
    await mayfly.close({ stopAgents: true });
  });

  it("works although it may not publish, for example because the tenant has too many kinds", async () => {
    const { mayfly, tenant } = await local.enter();
    await local.sql`
      insert into mayfly.job_kinds (tenant_id, name, digest, bytes)
      select ${tenant}, 'k' || n, gen_random_uuid(), 512 from generate_series(1, 1000) n`;
    const work = dataOf(await mayfly.jobs.work({ extra: () => "done" }, fast));
    const { id } = dataOf(await mayfly.jobs.add("extra"));
    expect(dataOf(await mayfly.jobs.ended(id)).result).toBe("done");
    expect(work.done).toBe(1);
    await work.stop();
    const refused = await mayfly.jobs.kinds.publish({ extra: () => null });
    expect(refused.error).toMatchObject({ code: "quota_exceeded" });
    await mayfly.close();
  });

  it("publishes nothing with publish: false, or if it works for all tenants", async () => {
    const { mayfly, tenant } = await local.enter();
    const handlers: JobHandlers = { quiet: () => "done" };
    const quiet = dataOf(await mayfly.jobs.work(handlers, { ...fast, publish: false }));
    const fleet = new Mayfly({ url: local.apiUrl, key: local.secretKey });
    const all = dataOf(await fleet.jobs.work({ all: () => "done" }, fast));
    for (const name of ["quiet", "all"]) {
      const { id } = dataOf(await mayfly.jobs.add(name));
      expect(dataOf(await mayfly.jobs.ended(id)).result).toBe("done");
    }
    expect(await namesOf(mayfly)).toEqual([]);
    expect((await fleet.jobs.kinds.publish(handlers)).error).toMatchObject({
      code: "tenant_unknown",
    });
    // Whoever runs the fleet publishes for the tenants that should know its jobs.
    const inside = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    expect(dataOf(await inside.jobs.kinds.publish(handlers))).toEqual({ published: 1 });
    expect(dataOf(await inside.jobs.kinds.publish(handlers))).toEqual({ published: 0 });
    expect(await namesOf(mayfly)).toEqual(["quiet"]);
    await quiet.stop();
    await all.stop();
    await Promise.all([mayfly, fleet, inside].map((one) => one.close()));
  });

  it("makes one call, however many workers of the same process start with the same code", async () => {
    const { mayfly, tenant } = await local.enter();
    const handlers = outlineOf(mayfly).handlers({ outline: () => null, plain: () => null });
    const first = dataOf(await mayfly.jobs.work(handlers, fast));
    await expect.poll(() => namesOf(mayfly), { timeout: 20_000 }).toEqual(["outline", "plain"]);
    // If another worker published again, the kinds would be back.
    await local.sql`delete from mayfly.job_kinds where tenant_id = ${tenant}`;
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const second = dataOf(await agent.work({ ...handlers }, fast));
    const third = dataOf(await agent.work({ ...handlers, more: () => null }, fast));
    await expect
      .poll(() => namesOf(mayfly), { timeout: 20_000 })
      .toEqual(["more", "outline", "plain"]);
    const by = dataOf(await mayfly.jobs.kinds.list()).map(({ publishedBy }) => publishedBy);
    expect(new Set(by)).toEqual(new Set([agent.id]));
    for (const work of [first, second, third]) await work.stop();
    await mayfly.close({ stopAgents: true });
  });

  it("is also a function of jobs that serves one tenant", async () => {
    const { mayfly, tenant } = await local.enter();
    const served = serveJobs(
      outlineOf(mayfly).handlers({ outline: () => null, plain: () => null }),
      {
        url: local.apiUrl,
        key: local.secretKey,
        tenant,
      },
    );
    const request = new Request("http://local/jobs", {
      method: "POST",
      headers: { apikey: local.secretKey },
      body: "{}",
    });
    expect((await served(request)).status).toBe(200);
    expect(await namesOf(mayfly)).toEqual(["outline", "plain"]);
    await mayfly.close();
  });
});

describe("mayfly jobs kinds", () => {
  it("lists what workers do, shows the fields of one, and prints the schema as JSON", async () => {
    const { mayfly, tenant } = await local.enter();
    const run = (...given: string[]) =>
      runCli(given, {
        env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
      });
    expect((await run("jobs", "kinds")).out).toContain("No worker has published");
    const handlers = outlineOf(mayfly).handlers({ outline: () => null, plain: () => null });
    dataOf(await mayfly.jobs.kinds.publish({ ...handlers, ...publish.handlers }));
    const all = await run("jobs", "kinds");
    expect(all.out).toMatch(/job +outline +Outlines a page\./);
    expect(all.out).toMatch(/workflow +publish 2 +Publishes pages\./);
    const one = await run("jobs", "kinds", "outline");
    expect(one.out).toMatch(/url +string \(uri\), required +The page\./);
    expect(one.out).toMatch(/depth +integer, 2 by default/);
    expect((await run("jobs", "kinds", "plain")).out).toContain("no schema");
    const json = await run("jobs", "kinds", "outline", "--json");
    expect(JSON.parse(json.out)).toMatchObject({ inputSchema: { required: ["url"] } });
    const unknown = await run("jobs", "kinds", "nothing");
    expect(unknown.code).not.toBe(0);
    expect(unknown.err).toContain("nothing");
    await mayfly.close();
  });
});

it("a viewer sees the kinds, and cannot publish any", async () => {
  const { mayfly, tenant } = await local.enter();
  dataOf(await mayfly.jobs.kinds.publish({ outline: () => null }));
  const viewer = mayflyWith(local, await signIn(local, tenant, "viewer"), { tenant });
  expect(await namesOf(viewer)).toEqual(["outline"]);
  expect((await viewer.jobs.kinds.publish({ mine: () => null })).error).toMatchObject({
    code: "scope_missing",
  });
  await viewer.close();
  await mayfly.close();
});
