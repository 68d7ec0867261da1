import { randomUUID } from "node:crypto";
/** The pages that watch: agents, the stream, health. */
import type { Agent } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  goTo,
  keepLooks,
  makePerson,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  signIn,
} from "./opened.ts";

const scopes = [
  ...["agent:read", "agent:spawn", "memory:read", "memory:write", "message:read", "message:send"],
  ...["state:read", "state:write", "debug:write", "job:work", "job:read"],
];

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    const persist = await mayfly.debug.persist({ persist: true, level: "verbose" });
    if (persist.error) throw persist.error;
    const spawned = await mayfly.spawn({ name: "ada", type: "lead", lifetime: 900, scopes });
    if (spawned.error) throw spawned.error;
    ada = spawned.data;
    await ada.remember({ task: "Rotate the signing key", output: "Use the dashboard." });
    await ada.sync();
    await ada.state.set("plan", { steps: ["read"], done: [] });
    await ada.state.set("plan", { steps: ["read", "write"], done: ["read"] });
    const query = { question: "Which port?" };
    await mayfly.messages.send(ada.id, "query", query);
  });

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("finds agents, and shows one with its states, inbox, memories and trail", async () => {
    const page = await opened("agents");
    await page.fill("main input[type=search]", "lea");
    await page.click("main td >> text=ada");
    await page.waitForSelector("h1 >> text=ada");
    for (const text of ["Rotate the signing key", "question: Which port?", "memory.created"])
      await page.waitForSelector(`main >> text=${text}`);
    // A job appears once the agent has done it, also if many others have been added since.
    const { data: job } = await mayfly.jobs.add("read-log", { file: "a.log" });
    const { data: work } = await ada.work({ "read-log": () => "It is empty." });
    await mayfly.jobs.ended(job?.id ?? "");
    await work?.stop();
    await page.getByRole("table", { name: "Jobs" }).getByText("read-log").waitFor();
    // The title of a relative time is the absolute time.
    expect(await page.locator("main time").first().getAttribute("title")).toMatch(/\b20\d\d\b/);
    await page.click("main button >> text=plan");
    await page.waitForSelector("main >> text=Changes since");
    await page.waitForSelector(".differences >> text=done");
    await expectAccessible(page);
    await keepLooks(page, "agent");
    await goTo(page, "agents");
    await expectAccessible(page);
    await keepLooks(page, "agents");
    await page.context().close();
  });

  it("shows a heading and a way back if something does not exist", async () => {
    const page = await opened("agents");
    for (const path of ["agents", "teams", "jobs", "workflows", "memory", "runs"]) {
      await goTo(page, `${path}/${randomUUID()}`);
      await page.waitForSelector("h1 >> text=/There is no such|A run/");
      await page.click("main a >> text=/^All /");
      await page.waitForURL((url) => url.hash.endsWith(`/${path}`));
    }
    await page.context().close();
  });

  it("draws a list even if events come faster than answers to its calls", async () => {
    const page = await newPage();
    // Each answer arrives when the next call has already been sent.
    let release = () => {};
    await page.route("**/rpc/list_jobs", async (route) => {
      if (route.request().postDataJSON().of_ids) return route.continue();
      release();
      const next = new Promise<void>((resolve) => {
        release = resolve;
      });
      const response = await route.fetch();
      await next;
      await route.fulfill({ response });
    });
    await openAsOwner(page, "jobs");
    for (let n = 0; n < 3; n++) {
      const again = page.waitForRequest("**/rpc/list_jobs");
      await mayfly.jobs.add("tick", { n });
      await again;
    }
    await page.getByRole("table", { name: "Jobs" }).getByText("tick").first().waitFor();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    release();
    await page.context().close();
  });

  it("writes to an agent, suspends, resumes and stops it, and says why something is refused", async () => {
    const name = `steered-${randomUUID().slice(0, 8)}`;
    const spawned = await mayfly.spawn({ name, lifetime: 900, scopes });
    if (spawned.error) throw spawned.error;
    const { id } = spawned.data;
    const page = await opened(`agents/${id}`);
    await page.click("main button >> text=Message");
    await page.fill("dialog input[name=type]", "query");
    await page.fill("dialog textarea", '{ "question": 7 }');
    await page.click("dialog button >> text=Send");
    await page.waitForSelector("dialog >> text=invalid_request");
    await page.fill("dialog textarea", '{ "question": "Are you there?" }');
    await page.click("dialog button >> text=Send");
    await page.waitForSelector(`text=Sent to ${name}`);
    await page.waitForSelector("main >> text=question: Are you there?");

    await page.click("main .actions >> text=Suspend");
    await page.click(".confirm button.button >> text=Suspend");
    await page.waitForSelector("h1 >> text=suspended");
    await page.click("main .actions >> text=Resume");
    await page.waitForSelector("h1 >> text=idle");
    await page.click("main .actions >> text=Stop");
    await page.click(".confirm button.danger");
    await page.waitForSelector("h1 >> text=stopped");
    const { data: card } = await mayfly.agents.get(id);
    expect(card?.status).toBe("stopped");
    expect(await page.locator("main .page-head button >> text=Stop").count()).toBe(0);
    await page.context().close();
  });

  it("raises the debug level of an agent until the page is left", async () => {
    const page = await opened(`agents/${ada.id}`);
    await page.getByLabel("Debug level").selectOption("detailed");
    await page.waitForSelector("main >> text=It has reported nothing yet.", { state: "detached" });
    ada.debug.step("Opened the file", { bytes: 41 });
    await page.waitForSelector(".debug-row >> text=Opened the file");
    await goTo(page, "agents");
    await page.context().close();
  });

  it("hides from a viewer the buttons that would be refused", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, `agents/${ada.id}`);
    await page.waitForSelector("main >> text=Rotate the signing key");
    const buttons = await page.locator(".page-head button").allInnerTexts();
    expect(buttons.map((text) => text.trim())).toEqual(["Id"]);
    expect(await page.getByLabel("Debug level").count()).toBe(0);
    await goTo(page, "stream");
    await page.waitForSelector(".line");
    expect(await page.getByLabel("Debug level").count()).toBe(0);
    await page.context().close();
  });

  it("streams events and debug records by task, filtered and copyable", async () => {
    ada.debug.task("Read the log", { file: "a.log" });
    ada.debug.tool("grep", { pattern: "timeout" }, { durationMs: 5_120 });
    ada.debug.error("The file has gaps", { from: "08:30" });
    const page = await opened("stream");
    await page.getByLabel("Debug level").selectOption("verbose");
    await page.waitForSelector("main >> text=Listening to");
    ada.debug.task("Write the report", { pages: 3 });
    ada.debug.step("Wrote a page", { page: 1 });
    await page.waitForSelector(".line >> text=Wrote a page");
    await page.waitForSelector(".line >> text=memory.created");
    await page.fill("main input[type=search]", "report");
    await page.waitForSelector(".line >> text=Write the report");
    await page.waitForSelector(".line >> text=memory.created", { state: "detached" });
    // The filter is in the address, and a reload keeps it.
    expect(page.url()).toContain("find=report");
    await page.reload();
    await page.waitForSelector("main h1");
    expect(await page.inputValue("main input[type=search]")).toBe("report");
    await page.fill("main input[type=search]", "");
    await page.waitForSelector(".line >> text=memory.created");
    await page.click(".line-what >> text=memory.created");
    await page.waitForSelector(".details >> text=Rotate the signing key");
    await page.waitForSelector(`.details .json-row >> text=/createdAt: \\d{4}-/`);
    for (const [label, part] of [
      ["SQL", "from mayfly.events"],
      ["curl", "/rest/v1/events?type=eq.memory.created"],
      ["Code", "mayfly.log.list("],
    ] as const) {
      await page.click(`.details button >> text=${label}`);
      expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(part);
    }
    await expectAccessible(page);
    await keepLooks(page, "stream");
    await page.context().close();
  });

  it("shows a team with its alerts, blackboard, sealed and closed polls, and bids, and ends it as a whole", async () => {
    const spawned = await mayfly.teams.spawn("release", {
      members: {
        reader: { count: 2, scopes: ["team:read", "team:vote", "job:work", "message:send"] },
      },
      task: "Ship 2.0",
      deadline: "10m",
    });
    if (spawned.error) throw spawned.error;
    const { team, agents } = spawned.data;
    const { polls, tenders } = mayfly.teams;
    const sealed = await polls.open("Ship it?", { team: team.id });
    const closed = await polls.open("Which title?", {
      team: team.id,
      options: ["Faster", "Calmer"],
    });
    const tender = await tenders.open({ name: "translate" }, { team: team.id });
    for (const { error } of [sealed, closed, tender]) if (error) throw error;
    for (const [at, agent] of agents.entries()) {
      await agent.teams.polls.vote(closed.data?.id ?? "", "Calmer", `Reason ${at}.`);
      await agent.teams.tenders.bid(tender.data?.id ?? "", { price: 3 - at });
    }
    await agents[0]?.teams.polls.vote(sealed.data?.id ?? "", "yes", "A secret reason.");
    const [one, two] = agents as [Agent, Agent];
    const own = mayfly.teams.of(team.id);
    await own.blackboard.set("plan", { steps: ["translate", "publish"] });
    for (let time = 0; time < 5; time++)
      await one.send(two.id, "query", { question: "Are you done?" });
    const watch = own.watch({ every: "1h" });
    expect(await watch.check()).toMatchObject([{ kind: "repetition" }]);
    await watch.stop();
    const page = await opened("teams");
    await page.click("main td >> text=release");
    const alerts = page.getByRole("region", { name: "Alerts" });
    await alerts.getByText("It repeats itself").waitFor();
    await alerts.getByText("1 open").waitFor();
    await alerts.getByText(one.name).waitFor();
    const blackboard = page.getByRole("region", { name: "Blackboard" });
    await blackboard.getByRole("button", { name: "plan" }).click();
    await blackboard.getByText("publish").waitFor();
    await page.waitForSelector("main >> text=Calmer ✓");
    await page.waitForSelector("main >> text=ballots are sealed until then");
    await page.click("main summary >> text=2 ballots");
    await page.waitForSelector("main >> text=Reason 1.");
    await page.waitForSelector("main >> text=translate");
    expect(await page.locator("main").textContent()).not.toContain("A secret reason.");
    await expectAccessible(page);
    await keepLooks(page, "team");
    await page.click("main .actions >> text=Stop the team");
    await page.click(".confirm button.danger");
    await page.waitForSelector("h1 >> text=stopped");
    await page.context().close();
  });

  it("shows health, remaining quotas and costs", async () => {
    const page = await newPage();
    // A check is green if it takes less than 2 s by the page's clock. On a busy machine it may take longer.
    await page.addInitScript(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() / 1_000;
    });
    await openAsOwner(page, "health");
    for (const check of ["Data API", "Function query", "Realtime", "The log", "Maintenance"])
      await page.waitForSelector(`.checks .tone-green >> text=${check}`);
    await page.waitForSelector("main >> text=No memory waits for a vector.");
    await page.waitForSelector("main >> text=No budget is set.");
    await page.waitForSelector("main >> text=No model call was counted.");
    await expectAccessible(page);
    await keepLooks(page, "health");
    await page.click(".tabs >> text=Doctor");
    await page.waitForSelector("main h2 >> text=Everything that was checked works");
    await page.click("main button >> text=Spawn an agent for a moment");
    await page.waitForSelector(".checks .tone-green >> text=Spawning");
    const { data: spawned } = await mayfly.agents.list({ limit: 100 });
    expect(spawned?.find(({ type }) => type === "doctor")?.stopReason).toBe("The check is over.");
    await expectAccessible(page);
    await keepLooks(page, "doctor");
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
