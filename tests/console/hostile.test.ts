/** What agents, tools and people wrote is text on every page. */
import type { Agent } from "@mayfly/sdk";
import { beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "#harness/needs";
import { goTo, mayfly, newPage, openAsOwner, problems, setUp } from "./opened.ts";

const markup = '<img src=x onerror="hacked=1"><svg onload="hacked=1"><script>hacked=1</script>';
const ansi = "\u001b[31mred\u001b[0m";
const turned = "\u202Egnp.exe";
const nasty = `${markup}${ansi}${turned}`;
const long = "x".repeat(200_000);

describe.skipIf(!chromiumPath)("the console, before hostile content", () => {
  setUp();
  let agent: Agent;
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
        "state:read",
        "state:write",
        "debug:write",
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
    agent.debug.task(nasty, { [nasty]: nasty, long });
    agent.debug.error(nasty, nasty);
  });

  it("runs none of it, and shows what is invisible as signs", async () => {
    const page = await newPage();
    await openAsOwner(page, "now");
    const paths = ["now", "agents", `agents/${agent.id}`, "stream", "stream?group=0", "health"];
    for (const path of paths) {
      await goTo(page, path);
      await page.waitForSelector("main bdi >> text=<img src=x");
      const found = await page.evaluate(() => ({
        hacked: "hacked" in globalThis,
        elements: document.querySelectorAll("main img, main script, main iframe").length,
        text: document.body.textContent ?? "",
      }));
      expect({ path, hacked: found.hacked, elements: found.elements }).toEqual({
        ...{ path, hacked: false, elements: 0 },
      });
      expect(found.text).not.toMatch(/[\p{Cc}\u202e](?<![\n\t])/u);
      // Long lines are drawn a part at a time.
      expect(found.text.length).toBeLessThan(100_000);
    }
    await page.keyboard.press("Control+k");
    await page.waitForSelector("dialog bdi >> text=<img src=x");
    await page.context().close();
  });

  it("opens a long value a part at a time", async () => {
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

  it("said nothing that its policy refused", () => {
    expect(problems).toEqual([]);
  });
});
