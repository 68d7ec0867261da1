/** Workflows as graphs that light up, and runs of code over time. */
import { type Agent, graph, workflow } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  goTo,
  keepLooks,
  local,
  makePerson,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  signIn,
} from "./opened.ts";

const digest = graph("digest", z.object({ urls: z.array(z.string()), post: z.boolean() }), {
  read: { map: "input.urls", result: z.string() },
  title: { result: z.string() },
  rank: { needs: ["read"], result: z.number() },
  join: { needs: ["title", "rank"], result: z.string() },
  post: { needs: ["join"], when: "$.input.post == true", result: z.string() },
  tell: { needs: ["join"], optional: ["post"], result: z.string() },
});
const publish = workflow("publish", z.object({ page: z.string() }), async (ctx, { page }) => {
  const words = await ctx.step("count the words", () => page.split(" ").length);
  await ctx.report({ percent: 50, words });
  const { input } = await ctx.approve("Publish the page?", { page, words });
  const { by } = await ctx.signal<{ by: string }>("printed");
  return ctx.step("post", () => `${input.words} words, by ${by}`);
});

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    const spawned = await mayfly.spawn({ name: "ada", lifetime: 900 });
    if (spawned.error) throw spawned.error;
    ada = spawned.data;
  });
  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("starts a run of a graph, and lights up each step as it is done", async () => {
    const stored = await mayfly.workflows.graphs.set(digest);
    if (stored.error) throw stored.error;
    const page = await opened("workflows");
    await page.waitForSelector("main >> text=No workflow has run yet.");
    await page.click(".tabs >> text=Graphs");
    await page.click("main td >> text=digest");
    await page.click(".graph-step >> text=post");
    await page.waitForSelector("main code >> text=$.input.post == true");
    await page.click("text=Start a run");
    // There is no earlier input to propose, so the page proposes the fields that the steps of the graph read.
    await expect
      .poll(() => page.inputValue("dialog textarea"))
      .toBe(JSON.stringify({ post: null, urls: [] }, null, 2));
    await page.fill("dialog textarea", '{ "urls": ["a", "b", "c"], "post": false }');
    await page.click("dialog button[type=submit]");
    await page.waitForSelector("h1 >> text=digest");
    await page.waitForSelector(".graph-step.at-open >> text=join");
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { data: work, error } = await ada.work({
      ...digest.handlers({
        read: ({ item }) => `About ${item}.`,
        title: ({ input }) => `${input.urls.length} pages`,
        rank: async ({ read }) => {
          await held;
          return read.length;
        },
        join: ({ title, rank }) => `${title}, ${rank} ranked`,
        post: () => "posted",
        tell: ({ join, post }) => `${join}; ${post ?? "not posted"}`,
      }),
    });
    if (error) throw error;
    await page.waitForSelector(".graph-step.at-succeeded >> text=read");
    await page.waitForSelector(".graph-step.at-running >> text=rank");
    await page.waitForSelector(".graph-step.at-succeeded >> text=3 of 3");
    await expectAccessible(page);
    await keepLooks(page, "workflow");
    await expectNoSidewaysScroll(page);
    goOn();
    await page.waitForSelector(".graph-step.at-succeeded >> text=tell");
    await page.waitForSelector(".graph-step.at-skipped >> text=post");
    await page.waitForSelector("h1 >> text=succeeded");
    await page.click(".graph-step >> text=read");
    await page.waitForSelector("main .json >> text=About b.");
    // The step is in the address, and a reload keeps it.
    await page.reload();
    await page.waitForSelector("main .json >> text=About b.");
    await page.waitForSelector("main td >> text=step of digest");
    await work.stop();
    await page.context().close();
  });

  it("follows a run of code through an approval and a signal that the page sends", async () => {
    const { data: started, error } = await mayfly.workflows.start(publish, { page: "It rained." });
    if (error) throw error;
    const { data: work } = await ada.work(publish.handlers);
    const page = await opened(`workflows/${started.id}`);
    await page.waitForSelector(".waterfall >> text=count the words");
    await page.waitForSelector("main .bar >> text=50 %");
    await page.click(".run-waits >> text=Decide");
    await page.waitForSelector(".exact >> text=It rained.");
    await page.click(".decide >> text=Approve");
    await page.waitForSelector("main >> text=Nothing waits for you.");
    await goTo(page, `workflows/${started.id}`);
    await page.waitForSelector(".run-waits >> text=printed");
    await expectAccessible(page);
    await keepLooks(page, "workflow-run");
    await expectNoSidewaysScroll(page);
    await page.click(".run-waits >> text=Send it");
    await page.fill("dialog textarea", '{ "by": "grace" }');
    await page.click("dialog button[type=submit]");
    await page.waitForSelector("h1 >> text=succeeded");
    await page.waitForSelector("main .json >> text=2 words, by grace");
    await page.click(".waterfall >> text=approve: Publish the page?");
    await page.click(".picked-span >> text=The approval");
    await page.waitForSelector(".asked >> text=approved");
    await work?.stop();
    await goTo(page, "workflows");
    await page.waitForSelector("main td >> text=publish");
    await expectAccessible(page);
    await keepLooks(page, "workflows");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("shows a viewer the graph and the run without a button that would be refused", async () => {
    const { data: started } = await mayfly.workflows.start(publish, { page: "Dry." });
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, "workflows/graphs/digest/1");
    await page.waitForSelector(".graph-step >> text=join");
    expect(await page.locator(".page-head button").count()).toBe(0);
    await goTo(page, `workflows/${started?.id}`);
    await page.waitForSelector("h1 >> text=publish");
    await page.waitForSelector("main >> text=Waits for a worker");
    expect(await page.locator(".page-head button").allInnerTexts()).toEqual(["Id"]);
    await page.context().close();
  });

  it("points to faults in the input of a new job, and proposes the input of a schedule", async () => {
    dataOf(
      await mayfly.jobs.schedules.set("weekly", {
        ...{ cron: "0 3 * * 1", job: "report", input: { day: "Monday" } },
      }),
    );
    const page = await opened("jobs");
    await page.click("text=Add a job");
    await page.fill("dialog input[name=name]", "never-added");
    await page.keyboard.press("Tab");
    const says = page.locator("dialog .form-json-state");
    await says.getByText("An empty value is null.").waitFor();
    const input = page.locator("dialog textarea");
    for (const [text, fault] of [
      ["{ number: 7", "Line 1, column 3: a name needs double quotes."],
      ['{\n  "a": 1,\n}', "Line 3, column 1: there must be no comma after the last part."],
      ["{ 'a': 1 }", "Line 1, column 3: JSON has double quotes, not single ones."],
      ["hello", "Line 1, column 1: a text needs double quotes."],
      ['{ "a": 1 "b": 2 }', "Line 1, column 10: a comma is missing before this."],
      ['{ "a" 1 }', "Line 1, column 7: a colon is missing before this."],
      ['{ "a": [1', "Line 1, column 10: the end is missing"],
    ] as const) {
      await input.fill(text);
      await says.getByText(fault).waitFor();
      expect(await input.getAttribute("aria-invalid")).toBe("true");
    }
    // A fault is red.
    const red = await says.evaluate((line) => {
      const probe = document.createElement("span");
      probe.style.color = "var(--red)";
      line.append(probe);
      const colours = [line, probe].map((one) => getComputedStyle(one).color);
      probe.remove();
      return colours;
    });
    expect(red[0]).toBe(red[1]);
    await expectAccessible(page);
    await keepLooks(page, "job-form-json");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("dialog [role=alert] >> text=The input is not JSON. Line 1");
    await input.fill('{"number":7}');
    await says.getByText("This is JSON.").waitFor();
    expect(await input.getAttribute("aria-invalid")).toBe("false");
    await says.getByText("Tidy up").click();
    expect(await input.inputValue()).toBe('{\n  "number": 7\n}');
    await page.keyboard.press("Escape");
    await page.click("text=Add a job");
    await page.fill("dialog input[name=name]", "report");
    await page.keyboard.press("Tab");
    await expect.poll(() => page.getByLabel("day").inputValue()).toBe("Monday");
    await page.waitForSelector("dialog >> text=as in the schedule weekly");
    await page.context().close();
  });

  it("rounds times, and shows no queue time for a job that waits for a signal", async () => {
    const id = dataOf(await mayfly.jobs.add("hold", null)).id;
    const work = dataOf(await ada.work({ hold: (_, job) => job.waitFor(["go"]) }));
    await expect.poll(async () => dataOf(await mayfly.jobs.get(id)).status).toBe("waiting");
    await work.stop();
    const page = await opened("jobs");
    const row = page.locator("main tbody tr", { hasText: "hold" });
    await row.getByText("the signal go").waitFor();
    expect(await row.textContent()).not.toContain("NaN");
    dataOf(await mayfly.jobs.signal(id, "go"));
    const rest = dataOf(await ada.work({ hold: (_, job) => job.waitFor(["go"]) }));
    dataOf(await mayfly.jobs.ended(id));
    await rest.stop();
    await local.sql`
      update mayfly.finished_jobs set attempt = 1, finished_at = started_at + interval '119.8 seconds' where id = ${id}`;
    await page.reload();
    await row.getByText("2 min 0 s").waitFor();
    await page.context().close();
  });

  it("finds jobs by what is in their inputs, and by when they were added", async () => {
    dataOf(
      await mayfly.jobs.add(
        ["Der Hund bellt.", "Die Katze schläft."].map((text) => ({
          name: "translate",
          input: { text },
        })),
      ),
    );
    const page = await opened("jobs?find=katze");
    const rows = page.locator("main tbody tr", { hasText: "translate" });
    await expect.poll(() => rows.count()).toBe(1);
    await page.fill("main input[type=search]", "translate");
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByLabel("Time").selectOption("hour");
    await expect.poll(() => page.url()).toContain("within=hour");
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByLabel("Time").selectOption("between");
    await page.getByLabel("Until").fill("2020-01-01T00:00");
    await page.getByLabel("Until").blur();
    await page.waitForSelector("main >> text=No job matches.");
    await expectAccessible(page);
    await keepLooks(page, "jobs-between");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
