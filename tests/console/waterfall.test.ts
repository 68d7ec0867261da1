/** Where the time of jobs and of runs of workflows went, and what cannot be done again. */
import { type Agent, workflow } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  keepLooks,
  local,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
} from "./opened.ts";

const survey = workflow("survey", null, async (ctx) => {
  for (const name of ["ask", "count", "publish"]) await ctx.step(name, () => name);
});
const release = workflow("release", null, async (ctx) => {
  await ctx.step("write notes", () => "It rained.");
  await ctx.approve("Release it?", {});
});

describe.skipIf(!chromiumPath)("the time of a job", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    ada = dataOf(await mayfly.spawn({ name: "ada", lifetime: 900 }));
  });
  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };
  const bar = (page: Page, label: string) =>
    page
      .locator(".fall-row", { hasText: label })
      .first()
      .locator(".fall-bar")
      .evaluate((own) => {
        const [{ left, right }, track] = [own, own.parentElement ?? own].map((one) =>
          one.getBoundingClientRect(),
        ) as [DOMRect, DOMRect];
        return {
          from: (left - track.left) / track.width,
          to: (right - track.left) / track.width,
        };
      });
  /** A run of a workflow of code that a worker has brought as far as it goes. */
  const worked = async (of: typeof survey | typeof release, status: string): Promise<string> => {
    const { id } = dataOf(await mayfly.workflows.start(of, null));
    const work = dataOf(await ada.work(of.handlers));
    await expect.poll(async () => dataOf(await mayfly.workflows.query(id)).status).toBe(status);
    await work.stop();
    return id;
  };

  it("keeps steps that took no time apart, however long the waits between them were", async () => {
    const id = await worked(survey, "succeeded");
    await local.sql`
      update mayfly.job_steps set ms = 0, at = at - case name
        when 'ask' then interval '29 days 2 minutes' when 'count' then interval '29 days' else '0' end
      where job_id = ${id}`;
    const page = await opened(`workflows/${id}`);
    await page.waitForSelector(".fall-waits >> text=29 d");
    const [ask, count, publish] = [
      await bar(page, "ask"),
      await bar(page, "count"),
      await bar(page, "publish"),
    ];
    expect(count.from - ask.to).toBeGreaterThan(0.2);
    expect(publish.from - count.to).toBeGreaterThan(0.2);
    await expectAccessible(page);
    await keepLooks(page, "workflow-no-time");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("shows a run of code without asking for a graph that it does not have", async () => {
    const id = await worked(release, "waiting");
    const page = await newPage();
    const refused: string[] = [];
    page.on("response", (response) => {
      if (response.status() >= 400) refused.push(response.url());
    });
    await openAsOwner(page, `workflows/${id}`);
    await page.waitForSelector(".waterfall >> text=write notes");
    expect(refused).toEqual([]);
    await page.context().close();
  });

  it("shows the work of a job that waits, and the whole name of each of its steps", async () => {
    const { id } = dataOf(await mayfly.jobs.add("collect", null));
    const name = "the numbers of the northern and the southern offices, quarter by quarter";
    const work = dataOf(
      await ada.work({
        collect: async (_, job) => {
          await job.step(name, () => 4);
          return job.waitFor(["go"]);
        },
      }),
    );
    await expect.poll(async () => dataOf(await mayfly.jobs.get(id)).status).toBe("waiting");
    await work.stop();
    const page = await opened(`jobs/${id}`);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      const label = page.locator(".fall-label bdi", { hasText: "northern" });
      const cut = await label.evaluate((own) => own.scrollWidth - own.clientWidth);
      expect(cut).toBeLessThanOrEqual(1);
      const [queue, attempt, step] = [
        await bar(page, "In the queue"),
        await bar(page, "Attempt 1"),
        await bar(page, "northern"),
      ];
      expect(attempt.from).toBeCloseTo(queue.to, 1);
      expect(attempt.to).toBeCloseTo(step.to, 1);
    }
    await page.context().close();
  });

  it("redrives the picked jobs except those that would end in the same way", async () => {
    const added = dataOf(
      await mayfly.jobs.add(
        ["one", "two", "three"].map((key) => ({ name: "break", key, maxAttempts: 1 })),
      ),
    );
    const work = dataOf(
      await ada.work({
        break: () => {
          throw new Error("Broken.");
        },
      }),
    );
    for (const { id } of added) await mayfly.jobs.ended(id);
    await work.stop();
    const final = added[2]?.id ?? "";
    // As a run that has reached its own limit.
    await local.sql`
      update mayfly.finished_jobs set error = error || '{"final": true}' where id = ${final}`;
    const page = await opened("jobs?status=failed");
    await page.getByRole("button", { name: "Pick all" }).click();
    await page.getByRole("button", { name: "Discard 3" }).waitFor();
    await page.getByRole("button", { name: "Redrive 2" }).click();
    await page.waitForSelector(".confirm >> text=1 job would end in the same way again.");
    await page.click(".confirm button >> text=Redrive 2");
    await page.waitForSelector("text=They are ready again");
    const statuses = added.map(async ({ id }) => dataOf(await mayfly.jobs.get(id)).status);
    expect(await Promise.all(statuses)).toEqual(["ready", "ready", "failed"]);
    // Alone, it is not offered to be redriven, and its page says why.
    await page.click("main td >> text=break");
    await page.waitForSelector("main >> text=Redriving it would end in the same way.");
    const actions = await page.locator(".page-head button").allInnerTexts();
    expect(actions.map((text) => text.trim())).toEqual(["Id", "Discard"]);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
