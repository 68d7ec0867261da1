/** Attributes of jobs, workflows and runs: shown, clicked, searched for, and kept in the link. */
import { defineAgent, workflow } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { scriptedModel } from "../runs/running.ts";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  keepLooks,
  mayfly,
  newPage,
  openAsOwner,
  setUp,
} from "./opened.ts";

const rows = (page: Page) =>
  page.locator("main tbody tr").evaluateAll((all) => all.map((row) => row.textContent ?? ""));
const findOf = (page: Page) =>
  new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("find");

describe.skipIf(!chromiumPath)("attributes in the console", () => {
  setUp();
  beforeAll(async () => {
    const customers = ["acme", "globex", "Initech & Söhne GmbH"];
    dataOf(
      await mayfly.jobs.add(
        customers.map((customer, n) => ({
          name: "invoice",
          input: { note: n === 0 ? "lost parcel" : "all well" },
          delay: "1h",
          attributes: { customer, month: 11, vip: n === 0, "plan.tier": "team", region: "eu" },
        })),
      ),
    );
    dataOf(await mayfly.jobs.add("invoice", { note: "without attributes" }));
    const shipping = workflow("shipping", z.object({}), async (ctx) => ctx.signal("go"));
    for (const customer of customers)
      dataOf(await mayfly.workflows.start(shipping, {}, { attributes: { customer } }));
    const clerk = defineAgent({ name: "clerk", model: scriptedModel(() => "Done.") });
    for (const customer of customers)
      dataOf(await mayfly.runs.start(clerk, "Where is it?", { attributes: { customer } }));
  });

  it("filter the list of jobs by a click and by a search, which stays in the link", async () => {
    const page = await newPage();
    await openAsOwner(page, "jobs");
    await page.waitForSelector("main td .attributes >> text=acme");
    await keepLooks(page, "attributes-jobs");
    await page.click("main td .attributes >> text=acme >> nth=0");
    await expect.poll(() => findOf(page)).toBe("customer:acme");
    // The job of the workflow and that of the run have the attribute too.
    await expect.poll(async () => (await rows(page)).length).toBe(3);
    await page.fill("main input[type=search]", "customer:acme month:11 lost");
    await expect.poll(async () => (await rows(page)).length).toBe(1);
    await expectAccessible(page);
    await keepLooks(page, "attributes-jobs-found");
    await expectNoSidewaysScroll(page);
    await page.reload();
    await expect.poll(async () => (await rows(page)).length).toBe(1);
    expect(await page.inputValue("main input[type=search]")).toBe("customer:acme month:11 lost");
    // A value with spaces is in quotes.
    await page.fill("main input[type=search]", "");
    await page.click("main td .attributes >> text=Initech >> nth=0");
    await expect.poll(() => findOf(page)).toBe('customer:"Initech & Söhne GmbH"');
    await expect.poll(async () => (await rows(page)).length).toBe(3);
    await page.fill("main input[type=search]", "customer:nobody");
    await page.waitForSelector("main .empty >> text=exactly as they are written");
    await keepLooks(page, "attributes-none");
    await page.fill("main input[type=search]", '"workflow:shipping"');
    await expect.poll(async () => (await rows(page)).length).toBe(3);
    await page.context().close();
  });

  it("are on the page of a job, and lead to the list of those that have them", async () => {
    const page = await newPage();
    const [job] = dataOf(await mayfly.jobs.list({ where: "customer:acme month:11" }));
    await openAsOwner(page, `jobs/${job?.id}`);
    await page.waitForSelector("main .attributes >> text=plan.tier");
    await expectAccessible(page);
    await keepLooks(page, "attributes-job");
    await expectNoSidewaysScroll(page);
    await page.click("main .attributes >> text=team");
    await expect.poll(() => findOf(page)).toBe("plan.tier:team");
    await expect.poll(async () => (await rows(page)).length).toBe(3);
    await page.context().close();
  });

  it.each(["workflows", "runs"])("find %s and are on the page of one", async (name) => {
    const page = await newPage();
    await openAsOwner(page, `${name}?find=customer:globex`);
    await expect.poll(async () => (await rows(page)).length).toBe(1);
    await expectAccessible(page);
    await keepLooks(page, `attributes-${name}`);
    await expectNoSidewaysScroll(page);
    await page.fill("main input[type=search]", "");
    await expect.poll(async () => (await rows(page)).length).toBe(3);
    await page.click("main td .attributes >> text=acme");
    await expect.poll(() => findOf(page)).toBe("customer:acme");
    await expect.poll(async () => (await rows(page)).length).toBe(1);
    await page.click("main tbody tr td a >> nth=0");
    await page.waitForSelector("main .attributes >> text=acme");
    await keepLooks(page, `attributes-${name}-one`);
    await expectAccessible(page);
    await page.click("main .attributes >> text=acme");
    await expect.poll(() => findOf(page)).toBe("customer:acme");
    await expect.poll(async () => (await rows(page)).length).toBe(1);
    await page.context().close();
  });
});
