/** What a person sees of a page: that nothing which they need is cut off, out of place or said in vain. */
import { randomUUID } from "node:crypto";
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

const phone = { width: 390, height: 844 };

describe.skipIf(!chromiumPath)("the layout of the console", () => {
  setUp();
  let turn = "";
  beforeAll(async () => {
    dataOf(await mayfly.channels.create({ name: "findings" }));
    dataOf(await mayfly.channels.publish("findings", "info", { text: "It rained." }));
    const said = { kind: "conversation", input: "What rained?", output: "Cats." } as const;
    turn = dataOf(await mayfly.memory.remember({ ...said, conversationId: randomUUID() })).id;
  });
  const opened = async (path: string, size?: { width: number; height: number }): Promise<Page> => {
    const page = await newPage(size);
    await openAsOwner(page, path);
    return page;
  };

  it("looks the same whatever page was open before", async () => {
    const gap = async (page: Page) => {
      const avatar = await page.locator(".turns .avatar").first().boundingBox();
      const said = await page.locator(".turns .turn").first().boundingBox();
      return (said?.x ?? 0) - (avatar?.x ?? 0) - (avatar?.width ?? 0);
    };
    const page = await opened("channels/findings", phone);
    await page.waitForSelector(".turns >> text=It rained.");
    const before = await gap(page);
    await goTo(page, `memory/${turn}`);
    await page.waitForSelector("main >> text=Its conversation");
    await goTo(page, "channels/findings");
    await page.waitForSelector(".turns >> text=It rained.");
    expect(await gap(page)).toBe(before);
    expect(before).toBeGreaterThan(8);
    await keepLooks(page, "channel-after-memory");
    await page.context().close();
  });

  it("shows the end of a tenant's name, where names that belong together differ", async () => {
    const [first, second] = ["production", "staging"].map(
      (end) => `acme-support-and-customer-success-in-europe-${end}`,
    ) as [string, string];
    const one = dataOf(await mayfly.tenants.ensure(first));
    dataOf(await mayfly.tenants.ensure(second));
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    await page.getByLabel("Tenant").selectOption(one.id);
    for (const size of [{ width: 1280, height: 800 }, phone]) {
      await page.setViewportSize(size);
      await expect
        .poll(() =>
          page.locator(".tenant").evaluate((own) => {
            const texts = document.createTreeWalker(own, NodeFilter.SHOW_TEXT);
            let last = texts.nextNode();
            for (let next = last; next; next = texts.nextNode())
              if (!next.parentElement?.closest("select")) last = next;
            if (!last) return null;
            const range = document.createRange();
            range.setStart(last, Math.max(0, (last.textContent ?? "").length - 10));
            range.setEnd(last, (last.textContent ?? "").length);
            const { right } = range.getBoundingClientRect();
            return { says: range.toString(), fits: right <= own.getBoundingClientRect().right };
          }),
        )
        .toEqual({ says: "production", fits: true });
    }
    await expectNoSidewaysScroll(page);
    await page.setViewportSize({ width: 1280, height: 800 });
    await expectAccessible(page);
    await keepLooks(page, "tenant-names");
    await page.getByLabel("Tenant").selectOption({ label: second });
    await expect.poll(() => page.locator(".tenant").textContent()).toContain("staging");
    await page.context().close();
  });

  it("fades choices that go on behind the edge of a phone, and no others", async () => {
    const page = await opened("jobs", phone);
    const chips = page.getByRole("group", { name: "Status" });
    const mask = () => chips.evaluate((own) => getComputedStyle(own).maskImage);
    await expect.poll(mask).toContain("calc(100% - 36px)");
    await chips.evaluate((own) => own.scrollTo(own.scrollWidth, 0));
    await expect.poll(mask).toContain("36px, rgb(0, 0, 0) 100%");
    await page.setViewportSize({ width: 1280, height: 800 });
    await expect.poll(mask).toBe("none");
    await page.context().close();
  });

  it("leads from an unknown page back to a known one", async () => {
    const page = await opened("nonsense");
    await page.waitForSelector("h1 >> text=There is no such page.");
    const link = page.locator("main a");
    const colours = await link.evaluate((own) =>
      [own, own.closest("main") ?? own].map((one) => getComputedStyle(one).color),
    );
    expect(colours[0]).not.toBe(colours[1]);
    await expectAccessible(page);
    await keepLooks(page, "unknown-page");
    await link.click();
    await expect.poll(() => page.url()).toContain(`${tenant}/now`);
    await page.context().close();
  });

  it("shows a long notice in few lines, and takes it away by itself", async () => {
    const page = await opened("agents");
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `#/${randomUUID()}/agents`);
    const notice = page.locator(".notice", { hasText: "You are not a member" });
    const lines = await notice
      .locator("strong")
      .evaluate((own) => new Set([...own.getClientRects()].map(({ top }) => top)).size);
    expect(lines).toBeLessThanOrEqual(3);
    await notice.waitFor({ state: "detached" });
    await page.context().close();
  });

  it("has no column in which nothing can be done, and no limit that is not reached", async () => {
    const page = await opened("people");
    const columns = page.getByRole("table", { name: "Members" }).locator("th");
    await expect.poll(() => columns.allInnerTexts()).toEqual(["Person", "Role", "Since"]);
    await makePerson("viewer");
    await page.reload();
    await expect.poll(() => columns.allInnerTexts()).toEqual(["Person", "Role", "Since", "Remove"]);
    dataOf(await mayfly.teams.spawn("postmortem", { members: { reader: 1 } }));
    await goTo(page, "teams");
    await page.waitForSelector("main td >> text=postmortem");
    expect(await page.locator("main .panel > header").textContent()).toBe("1 team");
    await page.context().close();
  });

  it("asks nobody to pick a state or a channel where there is none", async () => {
    const empty = await local.enter();
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    for (const [path, says] of [
      ["state", "A state appears here."],
      ["channels", "A channel appears here."],
    ] as const) {
      await page.evaluate((hash) => {
        globalThis.location.hash = hash;
      }, `#/${empty.tenant}/${path}`);
      await page.waitForSelector(`.sides-main >> text=${says}`);
      expect(await page.locator("main").textContent()).not.toContain("Pick one");
    }
    await goTo(page, "channels");
    await page.waitForSelector(".sides-main >> text=Pick one to read");
    await empty.mayfly.close();
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
