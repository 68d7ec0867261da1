/** Every page of a tenant full of data, on a phone. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
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
      const found = await outOfReach(page);
      if (found.length > 0) faults[shape] = found;
    }
    expect(faults).toEqual({});
    // What is linked has been opened too, not only what the navigation names.
    for (const shape of ["stream", "agents/<id>", "jobs/<id>", "runs/<id>", "workflows/<id>"])
      expect([...seen]).toContain(shape);
    await page.context().close();
  }, 180_000);

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
