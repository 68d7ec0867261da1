/** The page Now: arcs of handoffs and jobs, suspensions, expiries, and dragging. */
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { laneOf, openArc, pixelsOf } from "./board.ts";
import { goTo, keepLooks, mayfly, newPage, openAsOwner, problems, setUp } from "./opened.ts";

const scopes = ["agent:read", "message:read", "message:send", "job:add", "job:read", "job:work"];
const fiveMinutesMs = 300_000;

describe.skipIf(!chromiumPath)("the page Now", () => {
  setUp();
  /** Each test has agents of its own. */
  const spawn = async (role: string, lifetime = 600) => {
    const name = `${role}-${randomUUID().slice(0, 6)}`;
    return { agent: dataOf(await mayfly.spawn({ name, lifetime, scopes })), name };
  };
  const opened = async (name: string) => {
    const page = await newPage();
    await openAsOwner(page, "now");
    await page.waitForSelector(`.board-names >> text=${name}`);
    return page;
  };

  it("draws a handoff as an arc, and shows the task and the reason", async () => {
    const [giver, taker] = [await spawn("giver"), await spawn("taker")];
    const page = await opened(taker.name);
    const sent = await giver.agent.messages.handoff(
      ...(["Rotate the key", taker.agent.id, "I may not"] as const),
    );
    dataOf(sent);
    const tip = `${giver.name} → ${taker.name}, waits`;
    await openArc(page, taker.name, { tip, kind: "task_handoff" });
    await page.waitForSelector(".details .json >> text=Rotate the key");
    await page.waitForSelector(".details .facts >> text=waits");
    await goTo(page, "agents");
    await page.context().close();
  });

  it("draws a job as an arc from the agent that added it to the agent that did it", async () => {
    const [asker, doer] = [await spawn("asker"), await spawn("doer")];
    const page = await opened(doer.name);
    const work = dataOf(await doer.agent.work({ dig: () => "Done." }));
    const job = dataOf(await asker.agent.jobs.add("dig", { deep: true }));
    dataOf(await mayfly.jobs.ended(job.id));
    await work.stop();
    const tip = `${asker.name} → ${doer.name}`;
    await openArc(page, doer.name, { tip, kind: "job succeeded" });
    await page.waitForSelector(".details .facts >> text=Done in");
    await keepLooks(page, "now-arcs");
    await goTo(page, "agents");
    await page.context().close();
  });

  it("marks the time in which an agent is suspended, also after it is resumed", async () => {
    const { agent, name } = await spawn("sleeper");
    const page = await opened(name);
    expect(await pixelsOf(page, name, "amber")).toBe(0);
    dataOf(await mayfly.agents.suspend(agent.id));
    await page.waitForSelector(`.condition-suspended >> text=${name}`);
    await page.waitForSelector(".figure >> text=/Suspended\\s*1/");
    // The mark grows with time.
    await expect.poll(() => pixelsOf(page, name, "amber"), { timeout: 60_000 }).toBeGreaterThan(0);
    dataOf(await mayfly.agents.resume(agent.id));
    await page.waitForSelector(`.condition-running >> text=${name}`);
    expect(await pixelsOf(page, name, "amber")).toBeGreaterThan(0);
    await page.context().close();
  });

  it("marks an agent that expired differently from one that was stopped", async () => {
    const [short, stopped] = [await spawn("short", 5), await spawn("stopped")];
    const page = await opened(stopped.name);
    await stopped.agent.stop();
    await page.waitForSelector(`.condition-stopped >> text=${stopped.name}`);
    await page.waitForSelector(`.condition-expired >> text=${short.name}`);
    await expect
      .poll(() => pixelsOf(page, short.name, "red"), { timeout: 60_000 })
      .toBeGreaterThan(0);
    expect(await pixelsOf(page, stopped.name, "red")).toBe(0);
    await keepLooks(page, "now-ends");
    await page.context().close();
  });

  it("goes back in time when it is dragged to the right, and to the present when it is dragged back", async () => {
    const { name } = await spawn("still");
    const page = await opened(name);
    const { y, present, canvas } = await laneOf(page, name);
    const shown = () => page.getByLabel("The instant that is shown").inputValue().then(Number);
    const drag = async (from: number, to: number) => {
      await page.mouse.move(from, y);
      await page.mouse.down();
      await page.mouse.move((from + to) / 2, y);
      await page.mouse.move(to, y);
      await page.mouse.up();
    };
    const before = await shown();
    const far = canvas.width / 3;
    await drag(present - far, present);
    await page.waitForSelector("text=Back to now");
    // A third of the width is a third of the span that is shown.
    const back = before - (await shown());
    expect(back).toBeGreaterThan(fiveMinutesMs / 3 - 30_000);
    expect(back).toBeLessThan(fiveMinutesMs / 3 + 5_000);
    expect(await page.locator(".details").count()).toBe(0);
    // It had not been spawned then.
    await page.waitForSelector(`.board-names >> text=${name}`, { state: "detached" });
    await drag(present, present - 2 * far);
    await page.waitForSelector("text=Back to now", { state: "detached" });
    await page.waitForSelector(`.condition-running >> text=${name}`);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
