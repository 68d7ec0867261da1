/** The page Runs, with runs of a scripted model. */
import { type Agent, defineAgent, type Run, runAgents, tool, type Work } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { partsOf, scriptedModel } from "../runs/running.ts";
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

/** The slow model waits for this before it says the rest. */
let sayTheRest: () => void = () => {};
const rest = new Promise<void>((resolve) => {
  sayTheRest = resolve;
});

const order = tool({
  input: z.object({ id: z.number() }),
  risk: "read",
  run: ({ id }) => ({ id, status: "lost" }),
});
const answers = [
  { text: "I look it up. ", calls: [{ tool: "order", input: { id: 17 }, id: "call-1" }] },
  "It was lost on the way.",
];
const analyst = defineAgent({
  name: "analyst",
  model: scriptedModel((step, prompt) =>
    JSON.stringify(prompt).includes("delivered")
      ? "It has arrived by now."
      : (answers[step - 1] ?? "It was lost on the way."),
  ),
  memory: { recall: 3 },
  tools: { order },
  budget: { tokens: 10_000 },
});
const desk = defineAgent({
  name: "desk",
  model: scriptedModel((step) =>
    step === 1 ? { calls: [{ tool: "refund", input: { order: 17 } }] } : "The money is back.",
  ),
  tools: {
    refund: tool({
      input: z.object({ order: z.number() }),
      risk: "money",
      approval: "always",
      run: () => ({ refunded: true }),
    }),
  },
});
/** Says half of its answer, and the rest when it may continue. */
const slow = defineAgent({
  name: "slow",
  model: new MockLanguageModelV4({
    doStream: async () => {
      const parts = partsOf(1, "The first half and the second half.");
      const half = parts.findIndex((part) => part.type === "text-delta" && part.delta === "and ");
      return {
        stream: new ReadableStream({
          async start(controller) {
            for (const part of parts.slice(0, half)) controller.enqueue(part);
            await rest;
            for (const part of parts.slice(half)) controller.enqueue(part);
            controller.close();
          },
        }),
      };
    },
  }),
});

describe.skipIf(!chromiumPath)("the console's runs", () => {
  setUp();
  let worker: Agent;
  let work: Work;
  let lost: Run;
  beforeAll(async () => {
    worker = dataOf(await mayfly.spawn({ name: "worker", lifetime: 900 }));
    await worker.remember({ task: "Why did order 12 fail?", output: "The address was wrong." });
    dataOf(await worker.sync());
    work = dataOf(await worker.work(runAgents(analyst, desk, slow), { pollMs: 100 }));
    lost = dataOf(await mayfly.runs.start(analyst, "Why did order 17 fail?"));
    dataOf(await lost.result());
  });
  afterAll(async () => {
    sayTheRest();
    await work?.stop();
  });

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("lists runs, and shows each step with its prompt, answer, tools, memories and cost", async () => {
    const page = await opened("runs");
    await page.waitForSelector("main td >> text=Why did order 17 fail?");
    // No call had a price, so no sum may be shown as zero dollars.
    expect(await page.locator("main").textContent()).not.toContain("$0.00");
    await expectAccessible(page);
    await keepLooks(page, "runs");
    await page.click("main td >> text=Why did order 17 fail?");
    await page.waitForSelector(".picked >> text=It was lost on the way.");
    await page.waitForSelector(".run-totals >> text=220");
    await page.click(".span >> text=Step 1");
    await page.waitForSelector(".picked .asked-tool >> text=order");
    await page.waitForSelector(".picked .said-block >> text=Why did order 17 fail?");
    expect(page.url()).toContain("at=call-1-1");
    await expectAccessible(page);
    await keepLooks(page, "run");
    // The divider is moved with the mouse or the keys, and stays where it was.
    const divider = page.getByRole("separator");
    const width = async () => (await page.locator(".timeline").boundingBox())?.width ?? 0;
    const before = await width();
    const at = await divider.boundingBox();
    if (!at) throw new Error("There is no divider.");
    await page.mouse.move(at.x + 8, at.y + 40);
    await page.mouse.down();
    await page.mouse.move(at.x - 192, at.y + 40);
    await page.mouse.up();
    await expect.poll(width).toBeLessThan(before - 150);
    await divider.press("ArrowRight");
    const share = await divider.getAttribute("aria-valuenow");
    await page.reload();
    await expect.poll(() => divider.getAttribute("aria-valuenow")).toBe(share);
    await divider.dblclick();
    await page.click(".span >> text=Step 1");
    // The keyboard moves to the tool, and then to the next step.
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector(".picked h2 >> text=order");
    await page.waitForSelector(".picked .json >> text=lost");
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector(".picked h2 >> text=Step 2");
    await page.click(".span >> text=Recalled");
    await page.waitForSelector(".recalled >> text=Why did order 12 fail?");
    // A link includes the selection.
    await page.reload();
    await page.waitForSelector(".recalled >> text=Why did order 12 fail?");
    await goTo(page, "health");
    const costs = page.getByRole("table", { name: "Costs by model" });
    await costs.getByText("scripted").waitFor();
    await page.waitForSelector("main .chart[aria-label='Costs of the past 30 days'] canvas");
    await page.context().close();
  });

  it("shows a run that was started elsewhere, and streams its answer", async () => {
    const page = await opened("runs");
    await page.waitForSelector("main td >> text=analyst");
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
    const { id } = dataOf(await mayfly.runs.start(slow, "Tell me both halves."));
    await page.click("main td >> text=Tell me both halves.");
    await page.waitForSelector("h1 >> text=running");
    await page.waitForSelector(".picked .said-text >> text=The first half");
    expect(await page.locator(".picked").textContent()).not.toContain("second half");
    await keepLooks(page, "run-live");
    sayTheRest();
    await page.waitForSelector(".picked .said-text >> text=and the second half.");
    await page.waitForSelector("h1 >> text=succeeded");
    expect(dataOf(await mayfly.runs.get(id)).status).toBe("succeeded");
    expect(await page.evaluate(() => "notReloaded" in globalThis)).toBe(true);
    await page.context().close();
  });

  it("forks from a step with another result of a tool, and compares the two", async () => {
    const page = await opened(`runs/${lost.id}?at=tool-1-call-1`);
    await page.click(".picked button >> text=Change the result");
    await page.fill("dialog textarea.mono", "{ no json");
    await page.click("dialog button >> text=Fork");
    await page.waitForSelector("dialog [role=alert] >> text=not JSON");
    await page.fill("dialog textarea.mono", '{ "id": 17, "status": "delivered" }');
    await page.click("dialog button >> text=Fork");
    await page.waitForSelector(".picked >> text=It has arrived by now.");
    await page.waitForSelector("h1 >> text=succeeded");
    await page.click(".span >> text=The whole run");
    await page.click(".picked a >> text=compare the two");
    await page.waitForSelector(".panel >> text=asked something else");
    await page.waitForSelector("del >> text=lost");
    await page.waitForSelector("ins >> text=delivered");
    await expectAccessible(page);
    await keepLooks(page, "runs-compared");
    // The original shows its fork.
    await page.click(".compare-head >> nth=0");
    await page.waitForSelector(".forks >> text=from step 2");
    await page.context().close();
  });

  it("links a run to its lines in the stream", async () => {
    const page = await opened("stream?kinds=run");
    await page.click(".line-what >> text=run.succeeded >> nth=0");
    await page.click(".details a >> text=Open");
    await page.waitForSelector(".run-totals");
    await page.context().close();
  });

  it("replays a recorded run without calling a model or a tool", async () => {
    const page = await opened(`runs/${lost.id}`);
    const before = dataOf(await mayfly.runs.list()).length;
    await page.click("button >> text=Replay");
    await page.getByLabel("Position in the replay").fill("0");
    expect(await page.locator(".span >> text=Step 2").count()).toBe(0);
    await page.getByLabel("Continue the replay").click();
    await page.waitForSelector(".span[aria-selected=true] >> text=Step 2");
    await page.getByLabel("End the replay").click();
    await page.waitForSelector("button >> text=Replay");
    expect(dataOf(await mayfly.runs.list())).toHaveLength(before);
    await page.context().close();
  });

  it("approves what a run waits for, pauses a run, and shows what others do to it", async () => {
    const waits = dataOf(await mayfly.runs.start(desk, "Refund order 17."));
    const page = await opened(`runs/${waits.id}`);
    await page.waitForSelector(".run-notice >> text=refund?");
    await page.click(".run-notice button >> text=Approve");
    await page.waitForSelector("h1 >> text=succeeded");
    await page.waitForSelector(".span >> text=refund");
    const other = dataOf(await mayfly.runs.start(desk, "Refund order 18."));
    await goTo(page, `runs/${other.id}`);
    await page.waitForSelector(".run-notice >> text=refund?");
    await page.click(".page-head button >> text=Pause");
    await page.waitForSelector("h1 >> text=paused");
    // Somebody else has ended it in between.
    dataOf(await mayfly.runs.cancel(other.id));
    await page.waitForSelector("h1 >> text=cancelled");
    await goTo(page, "runs/00000000-0000-7000-8000-000000000000");
    await page.waitForSelector("main .refusal >> text=run_unknown");
    await page.context().close();
  });

  it("says why an action is refused that was still allowed when the page was opened", async () => {
    const person = await makePerson("member");
    const page = await newPage();
    await signIn(page, person);
    const { id } = dataOf(await mayfly.runs.start(desk, "Refund order 19."));
    await goTo(page, `runs/${id}`);
    await page.waitForSelector(".run-notice >> text=refund?");
    const members = dataOf(await mayfly.people.members.list());
    const own = members.find(({ email }) => email === person.email);
    dataOf(await mayfly.people.members.changeRole(own?.userId ?? "", "viewer"));
    await page.click(".page-head button >> text=Pause");
    await page.waitForSelector(".notice .refusal >> text=scope_missing");
    await page.context().close();
  });

  it("shows a viewer everything except buttons that would be refused", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, `runs/${lost.id}?at=call-1-1`);
    await page.waitForSelector(".picked .asked-tool >> text=order");
    const buttons = await page.locator(".page-head button, .picked header button").allInnerTexts();
    expect(buttons.map((text) => text.trim()).sort()).toEqual(["Compare", "Id", "JSON"]);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
