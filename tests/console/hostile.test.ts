/** Content from agents, tools and people is plain text on every page. */
import { type Agent, defineAgent, runAgents, tool, type Work } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { scriptedModel } from "../runs/running.ts";
import { goTo, mayfly, newPage, openAsOwner, problems, setUp } from "./opened.ts";

const markup = '<img src=x onerror="hacked=1"><svg onload="hacked=1"><script>hacked=1</script>';
const ansi = "\u001b[31mred\u001b[0m";
const turned = "\u202Egnp.exe";
const nasty = `${markup}${ansi}${turned}`;
const long = "x".repeat(200_000);

describe.skipIf(!chromiumPath)("the console with hostile content", () => {
  setUp();
  let agent: Agent;
  let work: Work;
  let runs: string[] = [];
  afterAll(() => work?.stop());
  beforeAll(async () => {
    const persist = await mayfly.debug.persist({ persist: true, level: "trace" });
    if (persist.error) throw persist.error;
    const spawned = await mayfly.spawn({
      ...{ name: nasty.slice(0, 100), type: "agent", task: nasty, lifetime: 900 },
      ...{ capabilities: [nasty.slice(0, 60)], metadata: { [nasty]: nasty } },
      scopes: [
        "memory:read",
        "memory:write",
        "message:read",
        "approval:request",
        "state:read",
        "state:write",
        "debug:write",
        ...["message:send", "channel:write", "run:read", "run:write", "job:read", "job:work"],
        ...["cost:read", "cost:write"],
      ],
    });
    if (spawned.error) throw spawned.error;
    agent = spawned.data;
    const outcomes = [
      await agent.remember({ task: nasty, output: nasty, tags: [nasty.slice(0, 60)] }),
      await agent.state.set("hostile", { [nasty]: nasty, long }),
      await mayfly.messages.send(agent.id, "info", { text: nasty, long: "y".repeat(150_000) }),
      await agent.sync(),
    ];
    for (const { error } of outcomes) if (error) throw error;
    const more = [
      await mayfly.jobs.add("hostile", { [nasty]: nasty, long }, { key: nasty.slice(0, 100) }),
      await agent.approvals.request(nasty, { [nasty]: nasty, long }, { category: "hostile" }),
      await mayfly.jobs.schedules.set("hostile", {
        cron: "0 3 * * *",
        job: "hostile",
        input: { [nasty]: nasty },
      }),
      await mayfly.jobs.add("workflow:hostile:1", { [nasty]: nasty }, { key: "hostile-run" }),
    ];
    for (const { error } of more) if (error) throw error;
    const hostile = defineAgent({
      name: "hostile",
      model: scriptedModel((step) =>
        step === 1
          ? { text: nasty, calls: [{ tool: "echo", input: { [nasty]: nasty } }] }
          : `${nasty}${long}`,
      ),
      tools: { echo: tool({ input: z.looseObject({}), run: () => ({ [nasty]: nasty, long }) }) },
    });
    work = dataOf(await agent.work(runAgents(hostile), { pollMs: 100 }));
    const run = dataOf(await mayfly.runs.start(hostile, nasty));
    dataOf(await run.result());
    const fork = dataOf(await mayfly.runs.fork(run.id, { atStep: 2, input: nasty }));
    dataOf(await fork.result());
    runs = [run.id, fork.id];
    dataOf(await mayfly.channels.create({ name: "hostile", description: nasty }));
    dataOf(await agent.channels.subscribe("hostile"));
    dataOf(await agent.channels.publish("hostile", "info", { text: nasty }));
    dataOf(await agent.channels.publish("hostile", "odd", { [nasty]: nasty, long }));
    dataOf(await mayfly.keys.create({ name: nasty.slice(0, 100), scopes: ["memory:read"] }));
    agent.debug.task(nasty, { [nasty]: nasty, long });
    agent.debug.error(nasty, nasty);
  });

  it("runs none of it, and shows invisible characters as signs", async () => {
    const page = await newPage();
    await openAsOwner(page, "now");
    const [job] = (await mayfly.jobs.list({ name: "hostile" })).data ?? [];
    const [memory] = (await mayfly.memory.list()).data?.memories ?? [];
    const [run, fork] = runs;
    const paths = [
      ...["now", "agents", `agents/${agent.id}`, "stream", "stream?group=0", "health"],
      ...["jobs", `jobs/${job?.id}`, "approvals", "memory", `memory/${memory?.id}`],
      ...["memory?ask=hacked", "memory/growth"],
      ...["runs", `runs/${run}`, `runs/${run}?at=call-1-1`, `runs/${run}?at=tool-1-call-1-1`],
      ...[`runs/${run}/with/${fork}`, `state/${agent.id}/hostile`, "channels/hostile", "people"],
    ];
    for (const path of paths) {
      await goTo(page, path);
      await page.waitForSelector("main >> text=<img src=x >> visible=true");
      const found = await page.evaluate(() => ({
        hacked: "hacked" in globalThis,
        elements: document.querySelectorAll("main img, main script, main iframe").length,
        text: document.body.textContent ?? "",
      }));
      expect({ path, hacked: found.hacked, elements: found.elements }).toEqual({
        ...{ path, hacked: false, elements: 0 },
      });
      expect(found.text).not.toMatch(/[\p{Cc}\u202e](?<![\n\t])/u);
      // Long lines are shown in parts.
      expect(found.text.length).toBeLessThan(100_000);
    }
    await page.keyboard.press("Control+k");
    await page.fill("dialog input", "<img");
    await page.waitForSelector("dialog bdi >> text=<img src=x");
    await page.context().close();
  });

  it("opens a long value one part at a time", async () => {
    const page = await newPage();
    await openAsOwner(page, `agents/${agent.id}`);
    await page.click("main button >> text=hostile");
    await page.click("tr.inside button.more >> nth=0");
    await page.waitForSelector("tr.inside >> text=more characters");
    const length = await page.evaluate(
      () => document.querySelector("tr.inside")?.textContent?.length ?? 0,
    );
    expect(length).toBeGreaterThan(20_000);
    expect(length).toBeLessThan(80_000);
    await page.context().close();
  });

  it("never violates its content security policy", () => {
    expect(problems).toEqual([]);
  });
});
