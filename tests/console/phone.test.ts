/** Every page of a tenant full of data, on a phone. */
import { Mayfly } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { seed } from "../../scripts/seed/index.ts";
import { local, newPage, problems, setUp } from "./opened.ts";

const phone = { width: 390, height: 844 };

/** An address without what is different for each thing: `runs/<id>` for all runs. */
const shapeOf = (path: string): string =>
  path
    .replace(/\?.*$/, "")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<id>")
    .replace(/^(channels|state\/[^/]+|workflows\/graphs)\/[^<].*$/, "$1/<name>");

/**
 * What a person with a phone cannot reach: a page that scrolls sideways, and text that ends at an edge.
 * Text may be cut off in a box that scrolls, and where a tap on it opens something. The label of a
 * button may not.
 */
const outOfReach = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    const found = ["html", "main"].flatMap((name) => {
      const box = document.querySelector(name);
      return box && box.scrollWidth > box.clientWidth
        ? [`${name} is ${box.scrollWidth} px wide instead of ${box.clientWidth}`]
        : [];
    });
    const { scrollHeight, clientHeight } = document.documentElement;
    if (scrollHeight > clientHeight)
      found.push(`the window scrolls to ${scrollHeight} px, into nothing`);
    // A box outside of the flow belongs to the box that scrolls it, or it makes a longer box scroll into nothing.
    for (const own of document.querySelectorAll<HTMLElement>("main .sr-only")) {
      const scrolling = /auto|scroll/;
      if (!own.checkVisibility()) continue;
      let box = own.parentElement;
      while (box && !scrolling.test(getComputedStyle(box).overflow)) box = box.parentElement;
      if (box && !box.contains(own.offsetParent))
        found.push(`${own.textContent} for screen readers leaves ${box.tagName} ${box.className}`);
    }
    const isCut = (own: Element, { left, right }: DOMRect): boolean => {
      let cut = right > room + 1;
      for (let box: Element | null = own; box; box = box.parentElement) {
        const { overflowX, display } = getComputedStyle(box);
        if (display === "inline") continue;
        if (overflowX === "auto" || overflowX === "scroll") return cut && right <= room + 1;
        if (overflowX !== "hidden" && overflowX !== "clip") continue;
        const edges = box.getBoundingClientRect();
        cut ||= right > edges.right + 1 || left < edges.left - 1;
      }
      return cut;
    };
    /** Text for screen readers is in a box of one pixel. */
    const isShown = (own: Element): boolean => {
      if (!own.checkVisibility()) return false;
      for (let box: Element | null = own; box; box = box.parentElement)
        if (getComputedStyle(box).clipPath !== "none") return false;
      return true;
    };
    const opens = (own: Element): boolean => {
      own.scrollIntoView({ block: "center" });
      const { left, top, height } = own.getBoundingClientRect();
      const tapped = document.elementFromPoint(Math.max(0, left) + 4, top + height / 2);
      return tapped?.closest("a, button, summary, tr.link, [role=option]") != null;
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const own = text.parentElement;
      const words = text.textContent?.trim() ?? "";
      if (!own || words === "" || own.closest("option, script") || !isShown(own)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      if (!isCut(own, range.getBoundingClientRect())) continue;
      const isLabel = own.closest(".button, .chip, .tabs, dialog button") !== null;
      if (isLabel || !opens(own))
        found.push(`${own.tagName} ${own.className} is cut off: ${words.slice(0, 60)}`);
    }
    return found;
  });

/** What is uneven: no visible heading, neighbouring buttons of several heights, and boxes that end without a sign. */
const unevenParts = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const heading = document.querySelector("main h1")?.getBoundingClientRect();
    const found = heading && heading.height > 10 ? [] : ["there is no visible heading"];
    for (const group of document.querySelectorAll("main :is(.actions, .panel > header)")) {
      const buttons = [...group.querySelectorAll(".button")].filter((one) => one.checkVisibility());
      const heights = new Set(buttons.map((one) => Math.round(one.getBoundingClientRect().height)));
      const names = buttons.map(({ textContent }) => textContent).join(", ");
      if (heights.size > 1) found.push(`${names} are ${[...heights].join(" and ")} px high`);
    }
    for (const box of document.querySelectorAll("main *")) {
      const { overflowX, maskImage } = getComputedStyle(box);
      // What is only for screen readers is in a box of a pixel.
      const isMore = box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 40;
      if (isMore && (overflowX === "auto" || overflowX === "scroll") && maskImage === "none")
        found.push(`${box.tagName} ${box.className} goes on behind its edge without a sign`);
    }
    return found;
  });

describe.skipIf(!chromiumPath)("the console on a phone", () => {
  setUp();
  let tenant: string;
  beforeAll(async () => {
    tenant = (await seed({ url: local.apiUrl, key: local.secretKey })) ?? "";
  }, 120_000);

  it("hides nothing on any page of a tenant full of data", async () => {
    const page = await newPage(phone);
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    const begin = `#/${tenant}/`;
    const linked = (within: string) =>
      page
        .locator(`${within} a[href^="${begin}"]`)
        .evaluateAll(
          (links, skip) => links.map((link) => (link.getAttribute("href") ?? "").slice(skip)),
          begin.length,
        );
    const open = async (path: string) => {
      await page.evaluate(async (hash) => {
        globalThis.location.hash = hash;
        // The page before this one is gone by the second frame.
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      }, begin + path);
      await page.waitForSelector("main h1");
      await page.waitForSelector("main .skeleton", { state: "detached" });
    };
    await open("agents");
    const paths = await linked("nav.side");
    const seen = new Set<string>();
    const faults: Record<string, string[]> = {};
    for (const path of paths) {
      const shape = shapeOf(path);
      if (seen.has(shape)) continue;
      seen.add(shape);
      await open(path);
      paths.push(...(await linked("main")));
      const found = [...(await outOfReach(page)), ...(await unevenParts(page))];
      if (found.length > 0) faults[shape] = found;
    }
    expect(faults).toEqual({});
    // What is linked has been opened too, not only what the navigation names.
    for (const shape of ["stream", "agents/<id>", "jobs/<id>", "runs/<id>", "workflows/<id>"])
      expect([...seen]).toContain(shape);
    await page.context().close();
  }, 180_000);

  it("keeps every button of the header in the window while it connects", async () => {
    const page = await newPage(phone);
    // The past of the log never arrives, so the page stays at what it says first.
    await page.route("**/rest/v1/events?*", () => {});
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".live >> text=Connecting");
    for (const width of [390, 360, 320]) {
      await page.setViewportSize({ width, height: phone.height });
      const outside = await page.locator(".top > *").evaluateAll((all, room) => {
        const shown = all.filter((one) => one.checkVisibility());
        return shown
          .filter((one) => one.getBoundingClientRect().right > room)
          .map(({ className }) => className);
      }, width);
      expect({ width, outside }).toEqual({ width, outside: [] });
    }
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await page.context().close();
  });

  it("names what a run waits for in words, and shows the whole name of the step", async () => {
    const own = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    const asked = dataOf(await own.approvals.list({ status: "pending" })).find(
      ({ step }) => step !== null && /^tool: 2\//.test(step),
    );
    await own.close();
    const page = await newPage(phone);
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    const open = (path: string) =>
      page.evaluate((hash) => {
        globalThis.location.hash = hash;
      }, `#/${tenant}/${path}`);
    await open(`approvals/${asked?.id}`);
    await page.waitForSelector(".asked-by >> text=its run waits for the decision in step 2.");
    expect(await page.locator("main").textContent()).not.toContain(asked?.step);
    await open(`jobs/${asked?.jobId}`);
    const label = page.locator(".fall-label bdi", { hasText: "approval of a tool call in step 2" });
    expect(await label.evaluate((text) => text.scrollWidth - text.clientWidth)).toBeLessThan(2);
    await page.click(".fall-label >> text=approval of a tool call");
    await page.click(".page-head >> text=As a run");
    await page.waitForSelector("h1");
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
