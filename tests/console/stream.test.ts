/** The stream at other times, and the names in it. */
import { type Agent, workflow } from "@mayfly/sdk";
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
  tenant,
} from "./opened.ts";

const dayMs = 86_400_000;
/** An instant so many days ago, as a field for local time takes it. The browser is in UTC. */
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs).toISOString().slice(0, 16);

describe.skipIf(!chromiumPath)("the stream", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    dataOf(await mayfly.debug.persist({ persist: true, level: "verbose" }));
    const scopes = ["memory:read", "memory:write", "fact:read", "fact:write", "debug:write"];
    ada = dataOf(await mayfly.spawn({ name: "ada", lifetime: 900, scopes }));
  });
  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("says where the log begins instead of offering older lines that do not exist", async () => {
    const young = await local.enter();
    dataOf(await young.mayfly.channels.create({ name: "first" }));
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `#/${young.tenant}/stream`);
    await page.waitForSelector(".line >> text=channel.created");
    await page.waitForSelector(".rows >> text=This is the beginning of the log.");
    expect(await page.locator(".rows button >> text=Load older").count()).toBe(0);
    await young.mayfly.close();
    await page.context().close();
  });

  it("loads what is older than the past hour", async () => {
    await local.advance("-2 hours");
    dataOf(await mayfly.channels.create({ name: "long-ago" }));
    await local.advance("2 hours");
    const page = await opened("stream");
    await page.waitForSelector(".line >> text=agent.spawned");
    expect(await page.locator(".line >> text=channel.created").count()).toBe(0);
    await page.locator(".rows").evaluate((rows) => rows.scrollTo(0, 0));
    await page.click(".rows button >> text=Load older");
    await page.waitForSelector(".line >> text=channel.created");
    await page.waitForSelector(".rows button >> text=Load older", { state: "detached" });
    await page.waitForSelector(".rows >> text=This is the beginning of the log.");
    await page.context().close();
  });

  it("says that it does not have the whole past hour, until the rest of it is loaded", async () => {
    const busy = await local.enter();
    dataOf(await busy.mayfly.channels.create({ name: "first" }));
    await local.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject, at)
      select e.tenant_id, e.epoch, 'job.added', gen_random_uuid(), e.at + n * interval '100 milliseconds' - interval '30 minutes'
      from mayfly.events e, generate_series(1, 3500) n
      where e.tenant_id = ${busy.tenant} and e.type = 'channel.created'`;
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `#/${busy.tenant}/stream`);
    const about = page.locator(".page-head p");
    await about.getByText("3,000 lines, since").waitFor();
    await about.getByText("older ones are not loaded yet").waitFor();
    expect(await about.textContent()).not.toContain("an hour ago");
    await keepLooks(page, "stream-cut");
    await page.locator(".rows").evaluate((rows) => rows.scrollTo(0, 0));
    await page.click(".rows button >> text=Load older");
    await about.getByText("lines, since an hour ago").waitFor();
    expect(await about.textContent()).not.toContain("not loaded");
    await busy.mayfly.close();
    await page.context().close();
  });

  it("cuts neither a name nor what happened while the line has room", async () => {
    const name = "researcher-of-the-north-12";
    dataOf(await mayfly.spawn({ name, lifetime: 900 }));
    const title = "Compared the quarterly numbers of all offices with those of the year before";
    ada.debug.decision(title, { agree: true });
    const isKept = async () =>
      (await local.sql`select from mayfly.debug_records where name = ${title}`).length;
    await expect.poll(isKept).toBe(1);
    const page = await opened("stream");
    const isWhole = (selector: string) =>
      page
        .locator(selector)
        .first()
        .evaluate((own) => {
          const range = document.createRange();
          range.selectNodeContents(own);
          const { right } = range.getBoundingClientRect();
          for (let box: Element | null = own; box; box = box.parentElement)
            if (
              getComputedStyle(box).overflowX === "hidden" &&
              getComputedStyle(box).display !== "inline"
            )
              if (right > box.getBoundingClientRect().right + 1) return false;
          return true;
        });
    await expect.poll(() => isWhole(`.line-who:has-text("${name}")`)).toBe(true);
    await expect.poll(() => isWhole(`.line-title:has-text("${title}")`)).toBe(true);
    await keepLooks(page, "stream-names");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("shows the events and debug records of another time, and is live again afterwards", async () => {
    const { id } = dataOf(
      await mayfly.memory.remember({ task: "Long ago", output: "Three days." }),
    );
    ada.debug.task("Work of long ago", { file: "old.log" });
    await expect
      .poll(async () => dataOf(await mayfly.debug.list({ limit: 10 })).map(({ name }) => name))
      .toContain("Work of long ago");
    await local.sql`update mayfly.events set at = at - interval '3 days' where tenant_id = ${tenant} and subject = ${id}`;
    await local.sql`update mayfly.debug_records set at = at - interval '3 days' where tenant_id = ${tenant} and name = 'Work of long ago'`;
    const page = await opened("stream");
    await page.waitForSelector(".line >> text=agent.spawned");
    const old = page.locator(".line", { hasText: /Long ago|Work of long ago/ });
    expect(await old.count()).toBe(0);
    await page.getByLabel("Time").selectOption("week");
    await expect.poll(() => old.count()).toBe(2);
    await page.waitForSelector(".line >> text=agent.spawned");
    await page.getByLabel("Time").selectOption("between");
    await page.getByLabel("From").fill(daysAgo(4));
    await page.getByLabel("Until").fill(daysAgo(2));
    await page.getByLabel("Until").blur();
    await page.waitForSelector(".line >> text=agent.spawned", { state: "detached" });
    await expect.poll(() => old.count()).toBe(2);
    await page.waitForSelector(".page-head >> text=/until/");
    await expectAccessible(page);
    await keepLooks(page, "stream-between");
    await expectNoSidewaysScroll(page);
    // An event of now is not of that time.
    const late = dataOf(await mayfly.spawn({ name: "late", lifetime: 600 }));
    await page.waitForSelector(".live >> text=Live");
    await page.getByLabel("Until").fill(daysAgo(3.5));
    await page.getByLabel("Until").blur();
    await page.waitForSelector("main >> text=Nothing happened in this time.");
    await page.getByLabel("Time").selectOption("");
    await page.waitForSelector(".line >> text=late");
    expect(await old.count()).toBe(0);
    await late.stop();
    await page.context().close();
  });

  it("adds what happens now to a time that has no end", async () => {
    const page = await opened("stream?within=hour");
    await page.waitForSelector(".line >> text=agent.spawned");
    await page.waitForSelector(".live >> text=Live");
    const late = dataOf(await mayfly.spawn({ name: "within", lifetime: 600 }));
    await page.waitForSelector(".line >> text=within");
    await late.stop();
    await page.context().close();
  });

  it("names facts that have ended, and members who join and leave while the page is open", async () => {
    const owner = (name: string) => ({
      ...{ subject: { name: "billing", type: "service" }, predicate: "owner" },
      object: { name, type: "person" },
    });
    dataOf(await ada.facts.record(owner("Ines")));
    const page = await opened("stream");
    await page.waitForSelector(".line:has-text('fact.recorded') >> text=billing owner Ines");
    dataOf(await ada.facts.record(owner("Tom")));
    await page.waitForSelector(".line:has-text('fact.ended') >> text=billing owner Ines");
    // A team's channel has an id for a name. The page has the name of the team instead.
    const members = { reader: 1 };
    const { team } = dataOf(await mayfly.teams.spawn("postmortem", { members }));
    for (const kind of ["team.created", "channel.created"])
      await page.waitForSelector(`.line:has-text('${kind}') >> text=postmortem`);
    await goTo(page, "channels");
    await page.waitForSelector(".sides-rows >> text=team-postmortem");
    expect(await page.locator("main").textContent()).not.toContain(team.channel);
    await goTo(page, "stream");
    const { email } = await makePerson("member");
    await page.waitForSelector(`.line:has-text('member.joined') >> text=${email}`);
    const [member] = await local.sql`
      delete from mayfly.members m using auth.users u
      where m.tenant_id = ${tenant} and u.id = m.user_id and u.email = ${email} returning m.user_id`;
    expect(member).toBeDefined();
    await page.waitForSelector(`.line:has-text('member.left') >> text=${email}`);
    await page.reload();
    await page.waitForSelector(".line:has-text('member.left') >> text=a former member");
    await page.context().close();
  });

  it("finds runs of workflows by when they were started, and says what they wait for", async () => {
    const release = workflow("release", null, (ctx) =>
      ctx.approve("Release it?", {}, { expiresIn: "30d" }),
    );
    const run = dataOf(await mayfly.workflows.start(release, null));
    const worker = dataOf(await mayfly.spawn({ name: "worker", lifetime: 600 }));
    const work = dataOf(await worker.work(release.handlers));
    await expect
      .poll(async () => dataOf(await mayfly.workflows.query(run.id)).status)
      .toBe("waiting");
    await work.stop();
    const page = await opened("workflows");
    const row = page.locator("main tbody tr", { hasText: "release" });
    await row.getByText("waits for 1 approval").waitFor();
    await page.getByLabel("Time").selectOption("hour");
    await expect.poll(() => page.url()).toContain("within=hour");
    await row.waitFor();
    await page.getByLabel("Time").selectOption("between");
    await page.getByLabel("From").fill("2019-01-01T00:00");
    await page.getByLabel("Until").fill("2020-01-01T00:00");
    await page.getByLabel("Until").blur();
    await page.waitForSelector("main >> text=No run matches.");
    await page.getByRole("button", { name: "Save view" }).waitFor();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("searches the jobs of the past week, unless another time is chosen", async () => {
    dataOf(await mayfly.jobs.add("translate", { text: "Guten Tag" }));
    const page = await opened("jobs");
    await page.waitForSelector("main td >> text=translate");
    const asked = page.waitForRequest(
      (request) =>
        request.url().endsWith("/rpc/list_jobs") && request.postDataJSON().containing === "guten",
    );
    await page.fill("main input[type=search]", "guten");
    const { since } = (await asked).postDataJSON();
    expect(Date.now() - Date.parse(since)).toBeGreaterThan(6.9 * dayMs);
    expect(Date.now() - Date.parse(since)).toBeLessThan(7.1 * dayMs);
    await page.waitForSelector("main option:checked >> text=Past week, as you search", {
      state: "attached",
    });
    const all = page.waitForRequest("**/rpc/list_jobs");
    await page.getByLabel("Time").selectOption("all");
    expect((await all).postDataJSON().since).toBeUndefined();
    await page.waitForSelector("main td >> text=translate");
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
