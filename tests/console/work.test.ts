/** Jobs and schedules, and who may do what with them and with approvals. */
import type { Agent, JobOptions } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
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

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    const spawned = await mayfly.spawn({ name: "ada", type: "worker", lifetime: 900 });
    if (spawned.error) throw spawned.error;
    ada = spawned.data;
  });

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };
  const added = async (name: string, input: unknown, options?: JobOptions) => {
    const { data, error } = await mayfly.jobs.add(name, input, options);
    if (error) throw error;
    return data.id;
  };

  it("shows at once a job that was added elsewhere, and where a finished job spent its time", async () => {
    const page = await opened("jobs");
    await page.waitForSelector("main >> text=There is no job yet.");
    const id = await added(
      "read-report",
      { file: "q3.pdf", pages: [1, 2, 3] },
      { key: "report-1" },
    );
    await page.waitForSelector("main td >> text=read-report");
    const { data: work, error } = await ada.work({
      "read-report": async ({ pages }: { pages: number[] }, job) => {
        const words = await job.step("count words", () => pages.length * 320);
        if (job.attempt === 1) throw new Error("The printer is on fire.");
        return { words, read: await job.step("read", () => "It rained in Q3.") };
      },
    });
    if (error) throw error;
    await mayfly.jobs.ended(id);
    await work.stop();
    for (const file of ["q1.pdf", "q2.pdf"])
      await added("read-report", { file }, { delay: "2h", queue: "slow" });
    await page.waitForSelector("main .figure >> text=Succeeded");
    await page.waitForSelector("main td >> text=succeeded");
    await expectAccessible(page);
    await keepLooks(page, "jobs");
    await expectNoSidewaysScroll(page);
    await page.click("main td >> text=succeeded");
    await page.waitForSelector("h1 >> text=read-report");
    await page.click(".waterfall >> text=Attempt 1");
    await page.waitForSelector(".picked-span >> text=The printer is on fire.");
    await page.click(".waterfall button >> text=read");
    await page.waitForSelector(".picked-span >> text=It rained in Q3.");
    // The keys go from bar to bar, and the address keeps the bar.
    await page.keyboard.press("ArrowUp");
    await page.waitForSelector(".picked-span >> text=960");
    await page.reload();
    await page.waitForSelector(".picked-span >> text=960");
    // A phone has no room for two panels, so the bar is open in its place.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForSelector(".waterfall .fall-inside >> text=960");
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.waitForSelector("main >> text=ada");
    await expectAccessible(page);
    await keepLooks(page, "job");
    await expectNoSidewaysScroll(page);
    // A wait of weeks leaves room for the work, and says its length.
    const shareOf = (label: string) =>
      page
        .locator(".fall-row", { hasText: label })
        .first()
        .locator(".fall-bar")
        .evaluate((bar) => bar.clientWidth / (bar.parentElement?.clientWidth ?? 0));
    await local.sql`update mayfly.finished_jobs set created_at = created_at - interval '29 days' where id = ${id}`;
    await page.reload();
    await page.waitForSelector(".fall-waits >> text=29 d");
    expect(await shareOf("In the queue")).toBeLessThan(0.2);
    expect(await shareOf("Attempt 1")).toBeGreaterThan(0.005);
    await keepLooks(page, "job-long-wait");
    await page.context().close();
  });

  it("cancels, signals, redrives and discards jobs, and adds one", async () => {
    const dead = await added("break", { why: "to see" }, { maxAttempts: 1 });
    const { data: work } = await ada.work({
      break: () => {
        throw new Error("Broken.");
      },
    });
    await mayfly.jobs.ended(dead);
    await work?.stop();
    const page = await opened("jobs?status=failed");
    await page.click("main td >> text=break");
    await page.click("main .actions >> text=Redrive");
    await page.waitForSelector("h1 >> text=ready");
    await page.click("main .actions >> text=Cancel");
    await page.click(".confirm button.danger");
    await page.waitForSelector("h1 >> text=cancelled");
    await goTo(page, "jobs");
    await page.click("text=Add a job");
    await page.fill("dialog input[name=name]", "call-home");
    await page.fill("dialog textarea", "{ number: 7");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("dialog >> text=The input is not JSON");
    await page.fill("dialog textarea", '{ "number": 7 }');
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=call-home");
    await page.waitForSelector("main .json >> text=number");
    // For the next job, the form has a field for each part of this input.
    await goTo(page, "jobs");
    await page.click("text=Add a job");
    await page.fill("dialog input[name=name]", "call-home");
    await page.keyboard.press("Tab");
    const number = page.getByLabel("number");
    await expect.poll(() => number.inputValue()).toBe("7");
    await number.fill("8");
    await expectAccessible(page);
    await keepLooks(page, "job-form");
    await page.click("dialog button >> text=Add it");
    await page.waitForSelector("h1 >> text=call-home");
    await page.waitForSelector("main .json >> text=8");
    expect(dataOf(await mayfly.jobs.list({ containing: '"number": 8' }))).toHaveLength(1);
    await page.click("main .actions >> text=Signal");
    await page.fill("dialog input[name=name]", "ring");
    await page.click("dialog button >> text=Send");
    await page.waitForSelector("main >> text=Signals kept");
    const [job] = (await mayfly.jobs.list({ name: "call-home" })).data ?? [];
    expect((await mayfly.jobs.get(job?.id ?? "")).data?.signals[0]?.name).toBe("ring");
    await page.context().close();
  });

  it("pauses a queue without losing its limits, and sets a schedule", async () => {
    await added("mail", { to: "all" });
    await mayfly.jobs.setQueue("mail", { maxRunning: 3 });
    const page = await opened("jobs/queues");
    const row = page.locator("main tr", { hasText: "mail" });
    await row.getByRole("button", { name: "Pause" }).click();
    await page.click(".confirm button >> text=Pause");
    await row.getByText("paused").waitFor();
    await row.getByText("3 at once").waitFor();
    await expectAccessible(page);
    await keepLooks(page, "queues");
    await goTo(page, "jobs/schedules");
    await page.click("main >> text=New schedule");
    await page.fill("dialog input[name=name]", "nightly");
    await page.fill("dialog input[name=cron]", "61 3 * * *");
    await page.fill("dialog input[name=job]", "mail");
    await page.click("dialog button[type=submit]");
    await page.waitForSelector("dialog >> text=invalid_request");
    await page.fill("dialog input[name=cron]", "0 3 * * *");
    await page.click("dialog button[type=submit]");
    await page.click("main td >> text=nightly");
    await page.click("tr.inside button >> text=Pause");
    await page.waitForSelector("main td >> text=paused");
    const { data: kept } = await mayfly.jobs.schedules.list();
    expect(kept?.[0]).toMatchObject({ name: "nightly", cron: "0 3 * * *", paused: true });
    await expectAccessible(page);
    await keepLooks(page, "schedules");
    await page.context().close();
  });

  it("shows a viewer no button that would be refused, and a member no button for the jobs of others", async () => {
    const id = await added("look-at-me", null);
    const { data: asked } = await ada.approvals.request("May I?", { now: true });
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    const buttons = async (path: string, waits: string, within = "main") => {
      await goTo(page, path);
      await page.waitForSelector(waits);
      const all = await page.locator(`${within} button:not(.chip)`).allInnerTexts();
      return all.map((text) => text.trim()).filter((text) => !["Id", "JSON", ""].includes(text));
    };
    expect(await buttons(`jobs/${id}`, "h1 >> text=look-at-me", ".page-head")).toEqual([]);
    expect(await buttons("jobs?status=failed", "main .chip", ".page-head")).toEqual([]);
    expect(await buttons("jobs/queues", "main td >> text=look-at-me")).toEqual([]);
    expect(await buttons("jobs/schedules", "main td >> text=nightly")).toEqual(["nightly"]);
    expect(
      await buttons(`approvals/${asked?.id}`, ".why-not", ".asking-one > :first-child"),
    ).toEqual(expect.not.arrayContaining(["Approve", "Reject", "Delegate", "Withdraw"]));
    expect(await page.locator(".side .count").count()).toBe(0);
    const member = await newPage();
    await signIn(member, await makePerson("member"));
    await goTo(member, `jobs/${id}`);
    await member.waitForSelector(".page-head >> text=Signal");
    expect(await member.locator(".page-head >> text=Cancel").count()).toBe(0);
    await Promise.all([page.context().close(), member.context().close()]);
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
