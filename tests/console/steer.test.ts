/** What a person starts and repeats in the console, finds by attributes, and keeps as a view. */
import { type Agent, defineAgent, runAgents } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { apiError, scriptedModel } from "../runs/running.ts";
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
  tenant,
} from "./opened.ts";

let isBroken = true;
const analyst = defineAgent({
  name: "analyst",
  model: scriptedModel((_, prompt) => {
    if (isBroken && JSON.stringify(prompt).includes("incident")) return apiError(400);
    return "It was lost on the way.";
  }),
  maxSteps: 7,
  budget: { tokens: 10_000 },
});

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  let stop: () => Promise<unknown> = async () => {};
  beforeAll(async () => {
    dataOf(await mayfly.debug.persist({ persist: true, level: "verbose" }));
    const scopes = ["agent:read", "debug:write", "job:work", "job:read", "run:read", "run:write"];
    ada = dataOf(await mayfly.spawn({ name: "ada", lifetime: 900, scopes }));
    const worker = dataOf(await mayfly.spawn({ name: "worker", lifetime: 900 }));
    const work = dataOf(await worker.work(runAgents(analyst), { pollMs: 100 }));
    stop = () => work.stop();
  });
  afterAll(() => stop());

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("starts a run from a form, with the limits of the agent's last run", async () => {
    const first = dataOf(await mayfly.runs.start(analyst, "Why did order 17 fail?"));
    dataOf(await first.result());
    const page = await opened("runs");
    await page.waitForSelector("main td >> text=Why did order 17 fail?");
    await page.click("main button >> text=Start a run");
    expect(await page.inputValue("dialog input[name=agent]")).toBe("analyst");
    expect(await page.inputValue("dialog input[name=steps]")).toBe("7");
    expect(await page.inputValue("dialog input[name=tokens]")).toBe("10000");
    await page.fill("dialog input[name=tokens]", "5000");
    await expectAccessible(page);
    await keepLooks(page, "run-form");
    await page.selectOption("dialog select[name=as]", "json");
    await page.fill("dialog textarea", "{ order: 18");
    await page.click("dialog button >> text=Start it");
    await page.waitForSelector("dialog [role=alert] >> text=not JSON");
    await page.fill("dialog textarea", '{ "order": 18 }');
    await page.click("dialog button >> text=Start it");
    await page.waitForSelector("h1 >> text=succeeded");
    const id = page.url().split("/").at(-1)?.split("?")[0] ?? "";
    expect(dataOf(await mayfly.runs.get(id))).toMatchObject({
      ...{ agent: "analyst", limits: { steps: 7, tokens: 5_000 } },
      inputs: [{ step: 1, input: { order: 18 } }],
    });
    await page.context().close();
  });

  it("forks several runs at once, such as all that failed in an incident", async () => {
    for (const order of [1, 2, 3]) {
      const run = dataOf(await mayfly.runs.start(analyst, `incident: order ${order}`));
      expect((await run.result()).error?.code).toBe("run_failed");
    }
    isBroken = false;
    const page = await opened("runs?status=failed");
    for (const order of [1, 2]) {
      const row = page.locator("main tr", { hasText: `incident: order ${order}` });
      await row.getByRole("button", { name: /^Pick/ }).click();
    }
    await page.click("main button >> text=Fork 2");
    await page.waitForSelector("dialog >> text=incident: order 2");
    await expectAccessible(page);
    await keepLooks(page, "runs-fork-many");
    await page.click("dialog button >> text=Fork 2");
    await page.waitForSelector("text=2 forks started");
    const forks = async () =>
      dataOf(await mayfly.runs.list({ agent: "analyst", status: "succeeded" })).filter(
        ({ forkedFrom }) => forkedFrom,
      );
    await expect.poll(async () => (await forks()).length, { timeout: 60_000 }).toBe(2);
    expect(dataOf(await mayfly.runs.list({ status: "failed" }))).toHaveLength(3);
    await page.context().close();
  });

  it("redrives only the failed jobs that were picked, or that a search has found", async () => {
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
    const statuses = async () =>
      Promise.all(added.map(async ({ id }) => dataOf(await mayfly.jobs.get(id)).status));
    const page = await opened("jobs?status=failed");
    await page.waitForSelector("main button >> text=Redrive all");
    const row = page.locator("main tr", { hasText: "Broken." });
    await expect.poll(() => row.count()).toBe(3);
    const first = added[0]?.id.slice(-6) ?? "";
    await page.getByRole("button", { name: "Pick all" }).click();
    const all = await page.locator("main td .pick").count();
    await page.waitForSelector(`main button >> text=Redrive ${all}`);
    await page.getByRole("button", { name: "Pick none" }).click();
    await page.getByRole("button", { name: `Pick break ${first}` }).click();
    await expectAccessible(page);
    await keepLooks(page, "failed-jobs");
    await page.click("main button >> text=Redrive 1");
    await page.click(".confirm button >> text=Redrive 1");
    await page.waitForSelector("text=They are ready again");
    expect(await statuses()).toEqual(["ready", "failed", "failed"]);
    await page.fill("main input[type=search]", "two");
    await page.click("main button >> text=Discard 1");
    await page.click(".confirm button >> text=Discard 1");
    await page.waitForSelector("text=They are deleted");
    expect(dataOf(await mayfly.jobs.get(added[2]?.id ?? "")).status).toBe("failed");
    expect((await mayfly.jobs.get(added[1]?.id ?? "")).error?.code).toBe("job_unknown");
    await page.context().close();
  });

  it("asks for the status of an open job at even intervals, and shows how long the job waited and ran", async () => {
    const { id } = dataOf(await mayfly.jobs.add("slow", {}));
    const page = await newPage();
    const at: number[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/rpc/get_job")) at.push(performance.now());
    });
    await openAsOwner(page, `jobs/${id}`);
    await expect.poll(() => at.length, { timeout: 60_000 }).toBeGreaterThan(5);
    const gaps = at.slice(1).map((time, nth) => time - (at[nth] ?? 0));
    expect(gaps.at(-1)).toBeLessThan(4 * Math.max(...gaps.slice(0, 2)));
    await page.waitForSelector("main .facts >> text=In the queue");
    let go = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const work = dataOf(
      await ada.work({
        slow: async (_, job) => {
          await job.step("opened the file", () => 1);
          await held;
        },
      }),
    );
    await page.waitForSelector("h1 >> text=running");
    await page.waitForSelector(".waterfall >> text=opened the file");
    go();
    await page.waitForSelector("h1 >> text=succeeded");
    await work.stop();
    const { startedAt, createdAt } = dataOf(await mayfly.jobs.get(id));
    const said = await page.locator("main .facts div", { hasText: "In the queue" }).textContent();
    const waitedMs = (startedAt?.getTime() ?? 0) - createdAt.getTime();
    expect(said).toContain(`${(waitedMs / 1_000).toFixed(waitedMs < 10_000 ? 1 : 0)}`);
    await page.waitForSelector("main .facts >> text=At work");
    await page.context().close();
  });

  it("searches the stream by attributes of what agents report, and keeps a search as a view", async () => {
    ada.debug.tool("grep", { file: "a.log", where: { host: "db-1" } });
    ada.debug.tool("grep", { file: "b.log", where: { host: "db-2" } });
    const page = await opened("stream");
    await page.getByLabel("Debug level").selectOption("verbose");
    await page.waitForSelector("main >> text=Listening to");
    ada.debug.tool("grep", { file: "c.log", where: { host: "db-1" } });
    const lines = page.locator(".line >> text=grep");
    await expect.poll(() => lines.count(), { timeout: 60_000 }).toBe(3);
    await page.fill("main input[type=search]", "file:a.log");
    await expect.poll(() => lines.count()).toBe(1);
    await page.fill("main input[type=search]", "where.host:db-1 agent:ada");
    await expect.poll(() => lines.count()).toBe(2);
    await page.fill("main input[type=search]", "type:agent.spawned");
    await page.waitForSelector(".line >> text=agent.spawned");
    await expect.poll(() => lines.count()).toBe(0);
    await page.fill("main input[type=search]", "host:db-2");
    await expect.poll(() => lines.count()).toBe(1);

    await page.click("main button >> text=Save view");
    await page.fill("dialog input[name=name]", "The second database");
    await page.click("dialog button >> text=Save");
    const views = page.getByRole("navigation", { name: "Saved views" });
    await views.locator("[data-on]", { hasText: "The second database" }).waitFor();
    await expectAccessible(page);
    await keepLooks(page, "stream-view");
    await expectNoSidewaysScroll(page);
    // The saved view survives a reload, and the palette finds it from any page.
    await goTo(page, "agents");
    await page.reload();
    await page.waitForSelector("main h1");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("second database");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1 >> text=Stream");
    expect(await page.inputValue("main input[type=search]")).toBe("host:db-2");
    await views.getByRole("button", { name: "Forget the view The second database" }).click();
    await views.getByText("The second database").waitFor({ state: "detached" });
    await page.context().close();
  });

  it("loads debug records that are older than the past hour", async () => {
    ada.debug.step("An old step", { n: 1 });
    const isKept = async () =>
      (await local.sql`select from mayfly.debug_records where name = 'An old step'`).length;
    await expect.poll(isKept, { timeout: 60_000 }).toBe(1);
    const longAgo = (table: "events" | "debug_records") =>
      table === "events"
        ? local.sql`update mayfly.events set at = at - interval '3 hours' where tenant_id = ${tenant} and type = 'agent.spawned'`
        : local.sql`update mayfly.debug_records set at = at - interval '2 hours' where name = 'An old step'`;
    await longAgo("events");
    await longAgo("debug_records");
    const page = await opened("stream?group=0");
    await page.waitForSelector(".line");
    expect(await page.locator(".line >> text=An old step").count()).toBe(0);
    await page.locator(".rows").evaluate((rows) => rows.scrollTo(0, 0));
    await page.click(".rows button >> text=Load older");
    await page.fill("main input[type=search]", "old step");
    await page.waitForSelector(".line >> text=An old step");
    await page.context().close();
  });

  it("shows what a team has spent, as its members' runs end", async () => {
    const spawned = dataOf(
      await mayfly.teams.spawn("desk", {
        members: { teller: { count: 1, scopes: ["team:read", "job:work", "run:read"] } },
        deadline: "10m",
      }),
    );
    const { team, agents } = spawned;
    const teller = defineAgent({
      name: agents[0]?.name ?? "",
      model: scriptedModel(() => "Paid.", "priced"),
    });
    const prices = [{ units: { input: [[0, 1_000]], output: [[0, 2_000]] } }];
    dataOf(
      await mayfly.costs.importPrices(
        [{ provider: "test", model: "priced", prices }] as never,
        "the test",
      ),
    );
    const page = await opened(`teams/${team.id}`);
    const spent = page.getByRole("region", { name: "Spent" });
    await spent.locator(".figure", { hasText: "Calls" }).getByText("0", { exact: true }).waitFor();
    const work = dataOf(await mayfly.jobs.work(runAgents(teller), { pollMs: 100 }));
    const run = dataOf(await mayfly.runs.start(teller, "Pay order 17."));
    dataOf(await run.result());
    await work.stop();
    const { usd } = dataOf(await mayfly.runs.get(run.id));
    expect(usd).toBeGreaterThan(0);
    await spent.getByText(`$${usd.toFixed(2)}`).waitFor();
    await spent.locator(".figure", { hasText: "Calls" }).getByText("1", { exact: true }).waitFor();
    await page.context().close();
  });

  it("shows a viewer no button that would be refused", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, "runs");
    await page.waitForSelector("main td >> text=Why did order 17 fail?");
    expect(await page.locator("main button >> text=Start a run").count()).toBe(0);
    await page.locator("main td .pick").first().click();
    await page.waitForSelector("main button >> text=Pick another to compare");
    expect(await page.locator("main button >> text=/^Fork/").count()).toBe(0);
    await goTo(page, "jobs?status=failed");
    await page.waitForSelector("main h1");
    expect(await page.locator("main .pick").count()).toBe(0);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
