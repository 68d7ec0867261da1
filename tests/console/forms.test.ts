/** Forms that are made from the schemas that workers publish. */
import { defineAgent, runAgents, workflow } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { addJob, faultsOf, field, jobs, publish, report } from "./described.ts";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  goTo,
  keepLooks,
  local,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  tenant,
} from "./opened.ts";

describe.skipIf(!chromiumPath)("a form for a job that a worker has described", () => {
  setUp();

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("has a field of the right type for each part, with help, defaults and what is required", async () => {
    await publish(report);
    const page = await opened("jobs");
    await addJob(page, "report");
    await page.waitForSelector("dialog >> text=Writes a report.");
    await page.waitForSelector("dialog >> text=as its worker describes it");
    await page.waitForSelector("dialog >> text=The page to read.");
    const looks = async (name: string) => {
      const one = field(page, name);
      const of = await one.evaluate((element: HTMLInputElement) =>
        element.tagName === "INPUT" ? element.type : element.tagName.toLowerCase(),
      );
      return `${of}${(await one.getAttribute("aria-required")) === "true" ? " required" : ""}`;
    };
    const found: Record<string, string> = {};
    for (const name of [...Object.keys(report.shape), "author.name", "author.mail"])
      if (name !== "author" && name !== "layout") found[name] = await looks(name);
    expect(found).toEqual({
      title: "text required",
      source: "text required",
      pages: "number",
      share: "number",
      language: "select required",
      draft: "checkbox",
      signed: "select",
      day: "date",
      due: "datetime-local",
      tags: "textarea",
      "author.name": "text required",
      "author.mail": "text",
      parts: "textarea",
      note: "text",
    });
    expect(await field(page, "pages").inputValue()).toBe("10");
    expect(await field(page, "draft").isChecked()).toBe(true);
    expect(await field(page, "layout.columns").inputValue()).toBe("2");
    await page.locator("dialog").getByLabel("title").waitFor();
    await expectAccessible(page);
    await keepLooks(page, "job-form-typed");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("says beside each field what is wrong with it, and sends nothing until everything is right", async () => {
    await publish(report);
    const page = await opened("jobs");
    await addJob(page, "report");
    // A field that was left wrong says so at once, and nothing else does.
    await field(page, "source").fill("nowhere");
    await field(page, "pages").fill("51");
    await page.keyboard.press("Tab");
    await expect.poll(() => faultsOf(page, "pages")).toEqual(["This must be at most 50."]);
    expect(await faultsOf(page, "source")).toEqual([
      "This must be an address, such as https://example.com.",
    ]);
    expect(await faultsOf(page, "title")).toEqual([]);
    await field(page, "tags").fill("a\nb\nc");
    await field(page, "parts").fill('[{ "heading": 7 }');
    await field(page, "author.mail").fill("nobody");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("dialog .warning >> text=8 fields of the input must be corrected.");
    expect(await faultsOf(page, "title")).toEqual(["This is required."]);
    expect(await faultsOf(page, "language")).toEqual(["This is required."]);
    expect(await faultsOf(page, "author.name")).toEqual(["This is required."]);
    expect(await faultsOf(page, "author.mail")).toEqual(["This must be a mail address."]);
    expect(await faultsOf(page, "tags")).toEqual(["This must have at most 2 items."]);
    expect((await faultsOf(page, "parts"))[0]).toContain("not JSON");
    expect(await field(page, "title").getAttribute("aria-invalid")).toBe("true");
    // The person is at the first fault.
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("name")))
      .toBe("input.title");
    await expectAccessible(page);
    await keepLooks(page, "job-form-faults");
    expect(await jobs("report")).toEqual([]);

    await field(page, "title").fill("Q3");
    await expect
      .poll(() => faultsOf(page, "title"))
      .toEqual(["This must have at least 3 characters."]);
    await field(page, "title").fill("Rain in Q3");
    await expect.poll(() => faultsOf(page, "title")).toEqual([]);
    await field(page, "source").fill("https://example.com/q3");
    await field(page, "pages").fill("12");
    await field(page, "language").selectOption("en");
    await field(page, "signed").selectOption("false");
    await field(page, "draft").uncheck();
    await field(page, "day").fill("2026-11-30");
    await field(page, "due").fill("2026-12-01T09:30:00");
    await field(page, "tags").fill("a\nb\n");
    await field(page, "author.name").fill("Ada");
    await field(page, "author.mail").fill("");
    await field(page, "parts").fill('[{ "heading": "Rain" }]');
    const due = await page.evaluate(() => new Date("2026-12-01T09:30:00").toISOString());
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=report");
    const [added] = await jobs("report");
    expect(dataOf(await mayfly.jobs.get(added?.id ?? "")).input).toEqual({
      ...{ title: "Rain in Q3", source: "https://example.com/q3", pages: 12, language: "en" },
      ...{ draft: false, signed: false, day: "2026-11-30", due, tags: ["a", "b"] },
      ...{ author: { name: "Ada" }, parts: [{ heading: "Rain" }] },
    });
    await page.context().close();
  });

  it("can be written as JSON, which is checked too, and becomes fields again", async () => {
    await publish(z.object({ n: z.int().min(1), of: z.object({ deep: z.string() }) }), "count");
    const page = await opened("jobs");
    await addJob(page, "count");
    await field(page, "n").fill("0");
    await page.click("dialog >> text=Write it as JSON");
    const json = page.locator("dialog textarea[name=input]");
    await expect.poll(() => json.inputValue()).toBe('{\n  "n": 0,\n  "of": {}\n}');
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("dialog .form-fault >> text=n must be at least 1.");
    await page.waitForSelector("dialog .form-fault >> text=of.deep is required.");
    await keepLooks(page, "job-form-typed-json");
    await json.fill('{ "n": 7, "of": { "deep": "water" }, "more": true }');
    await page.click("dialog >> text=Back to the fields");
    expect(await field(page, "n").inputValue()).toBe("7");
    expect(await field(page, "of.deep").inputValue()).toBe("water");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=count");
    const [added] = await jobs("count");
    const input = { n: 7, of: { deep: "water" }, more: true };
    expect(dataOf(await mayfly.jobs.get(added?.id ?? "")).input).toEqual(input);

    // The next form begins with the schema again, and the last input can be filled in.
    await goTo(page, "jobs");
    await addJob(page, "count");
    await expect.poll(() => field(page, "n").inputValue()).toBe("");
    await page.click("dialog >> text=Fill in the last input");
    await expect.poll(() => field(page, "n").inputValue()).toBe("7");
    expect(await field(page, "of.deep").inputValue()).toBe("water");
    await page.context().close();
  });

  it("has one field for an input that is no object, and JSON for one that can have several forms", async () => {
    await publish(z.enum(["low", "high"]), "level");
    await publish(z.union([z.object({ a: z.number() }), z.object({ b: z.string() })]), "either");
    const page = await opened("jobs");
    await addJob(page, "level");
    await page.locator("dialog select[name=input]").selectOption("high");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=level");
    const [level] = await jobs("level");
    expect(dataOf(await mayfly.jobs.get(level?.id ?? "")).input).toBe("high");
    await goTo(page, "jobs");
    await addJob(page, "either");
    await page.waitForSelector("dialog >> text=Writes a report.");
    await page.fill("dialog textarea", '{ "c": 1 }');
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("dialog .form-fault >> text=This matches none of the forms");
    await page.fill("dialog textarea", '{ "b": "1" }');
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=either");
    await page.context().close();
  });

  it("stays usable whatever an agent has published", async () => {
    const endless = {
      $defs: { node: { type: "object", properties: {} as Record<string, object> } },
      type: "object",
      properties: {
        slow: { type: "string", pattern: "^(a+)+$", title: "\u202Eevil\u0007", default: "x" },
        self: { $ref: "#" },
        loop: { $ref: "#/$defs/loop" },
        many: { anyOf: Array.from({ length: 8 }, () => ({ $ref: "#/properties/many" })) },
        odd: { type: 7, enum: [], properties: [], required: {} },
        tree: { $ref: "#/$defs/node" },
      },
      required: "slow",
    };
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"])
      endless.$defs.node.properties[name] = { $ref: "#/$defs/node" };
    Object.assign(endless.$defs, { loop: { $ref: "#/$defs/loop" } });
    const [stored] = await local.sql`
      insert into mayfly.job_kinds (tenant_id, name, input_schema, digest, bytes)
      values (${tenant}, 'endless', ${endless as never}, gen_random_uuid(), 1) returning name`;
    expect(stored).toBeDefined();
    const page = await opened("jobs");
    await addJob(page, "endless");
    await field(page, "slow").fill(`${"a".repeat(40)}!`);
    await page.waitForSelector("dialog >> text=⟨202e⟩evil");
    await field(page, "many").fill('{ "a": 1 }');
    await field(page, "self.self.slow").fill("x");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=endless");
    expect(await jobs("endless")).toHaveLength(1);
    await page.context().close();
  });

  it("starts a workflow that is code, and a graph, from the schema of the picked version", async () => {
    const input = z.object({ urls: z.array(z.url()).min(1) });
    const old = workflow("publish", z.object({ url: z.url() }), () => null);
    const current = workflow("publish", input, () => null, {
      version: "2",
      description: "Publishes pages.",
    });
    const page = await opened("workflows");
    await page.waitForSelector("main >> text=No workflow has run yet.");
    expect(await page.locator("main button >> text=Start a run").count()).toBe(0);
    dataOf(await mayfly.jobs.kinds.publish({ ...old.handlers, ...current.handlers }));
    await page.reload();
    await page.click("main button >> text=Start a run");
    await field(page, "url").waitFor();
    await page.locator("dialog").getByLabel("Workflow").selectOption("workflow:publish:2");
    await page.waitForSelector("dialog >> text=Publishes pages.");
    await field(page, "urls").fill("nowhere");
    await page.click("dialog button[type=submit]");
    await expect
      .poll(() => faultsOf(page, "urls"))
      .toEqual(["Line 1 must be an address, such as https://example.com."]);
    await expectAccessible(page);
    await keepLooks(page, "workflow-form");
    await field(page, "urls").fill("https://example.com/a\nhttps://example.com/b");
    await page.click("dialog button[type=submit]");
    await page.waitForSelector("h1 >> text=publish");
    const [run] = dataOf(await mayfly.workflows.list({ name: "publish" }));
    expect(run).toMatchObject({ version: "2" });
    expect(dataOf(await mayfly.workflows.query(run?.id ?? "")).input).toEqual({
      urls: ["https://example.com/a", "https://example.com/b"],
    });
    await page.context().close();
  });

  it("starts a run of an agent that declares its input", async () => {
    const clerk = defineAgent({
      name: "clerk",
      model: new MockLanguageModelV4(),
      description: "Looks at an order.",
      input: z.object({ order: z.int(), urgent: z.boolean().default(false) }),
    });
    dataOf(await mayfly.jobs.kinds.publish(runAgents(clerk)));
    const page = await opened("runs");
    await page.click("main button >> text=Start a run");
    await expect.poll(() => page.inputValue("dialog input[name=agent]")).toBe("clerk");
    await page.waitForSelector("dialog >> text=Looks at an order.");
    await page.click("dialog button >> text=Start it");
    await expect.poll(() => faultsOf(page, "order")).toEqual(["This is required."]);
    await expectAccessible(page);
    await keepLooks(page, "run-form-typed");
    await field(page, "order").fill("17");
    await page.locator("dialog").getByLabel("urgent").check();
    await page.click("dialog button >> text=Start it");
    await page.waitForSelector("h1 >> text=queued");
    const [run] = dataOf(await mayfly.runs.list({ agent: "clerk" }));
    expect(dataOf(await mayfly.runs.get(run?.id ?? "")).input).toEqual({
      order: 17,
      urgent: true,
    });
    await page.context().close();
    expect(problems).toEqual([]);
  });
});
