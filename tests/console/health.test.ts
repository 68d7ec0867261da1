/** Health, the trail of an agent and the board, in tenants with a past. */
import { Mayfly } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import { seed } from "../../scripts/seed/index.ts";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  keepLooks,
  local,
  newPage,
  problems,
  setUp,
} from "./opened.ts";

const scopes = ["memory:read", "memory:write"];

describe.skipIf(!chromiumPath)("the console in a tenant with a past", () => {
  setUp();
  let full: string;
  beforeAll(async () => {
    full = (await seed({ url: local.apiUrl, key: local.secretKey })) ?? "";
  }, 120_000);

  const goTo = async (page: Page, tenant: string, path: string) => {
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `#/${tenant}/${path}`);
    await page.waitForSelector("main h1");
  };
  const opened = async (tenant: string, path: string) => {
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    await goTo(page, tenant, path);
    return page;
  };
  const region = (page: Page, name: string) => page.getByRole("region", { name });
  /** Does something as if it were so long ago. */
  const before = async <T>(time: string, act: () => Promise<T>): Promise<T> => {
    await local.advance(`-${time}`);
    try {
      return await act();
    } finally {
      await local.advance(time);
    }
  };

  it("names each failed job with its error, and leads to it", async () => {
    const page = await opened(full, "health");
    const failures = region(page, "Last failures");
    await failures.getByText("There is no such log.").waitFor();
    await failures.getByRole("link", { name: "read-log" }).click();
    await page.waitForSelector("h1 >> text=read-log");
    await page.context().close();
  });

  it("tells the budgets of two runs of one agent apart, and shows their tokens", async () => {
    const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant: full });
    const runs = dataOf(await mayfly.costs.budgets.list()).filter(({ level }) => level === "run");
    expect(runs).toHaveLength(2);
    const page = await opened(full, "health");
    const budgets = region(page, "Budgets");
    for (const { subject } of runs) {
      const own = budgets.locator(".budget", { hasText: `…${subject.slice(-4)}` });
      await own.getByText("of 20,000").waitFor();
      const link = await own.getByRole("link", { name: "run analyst" }).getAttribute("href");
      expect(link).toContain(subject);
    }
    await mayfly.close();
    await page.context().close();
  });

  it("counts agents and memories in the same way, or says what else is counted", async () => {
    const page = await opened(full, "health");
    const figure = page.locator(".figure", { hasText: "Running agents" });
    await expect.poll(() => figure.textContent()).toMatch(/10\s*and 1 suspended/);
    const quotas = region(page, "Quotas");
    await expect.poll(() => quotas.textContent()).toMatch(/running or suspended\s*11 of/);
    expect(await quotas.textContent()).toMatch(/with forgotten ones\s*51 of/);
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await keepLooks(page, "health-full");
    await page.context().close();
  });

  it("puts no panel of Health beside a gap", async () => {
    const page = await opened(full, "health");
    await region(page, "Budgets").waitFor();
    for (const width of [390, 800, 1024, 1280, 1440, 1600, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      const gaps = await page.locator(".health-grid").evaluate((grid) => {
        const end = grid.getBoundingClientRect().right;
        const rows = new Map<number, number>();
        for (const panel of grid.children) {
          const { top, right } = panel.getBoundingClientRect();
          rows.set(top, Math.max(right, rows.get(top) ?? 0));
        }
        return [...rows.values()].map((right) => Math.round(end - right));
      });
      expect({ width, gaps }).toEqual({ width, gaps: gaps.map(() => 0) });
    }
    await page.context().close();
  });

  it("says in the heading of the doctor that a check has found something", async () => {
    const { tenant, mayfly } = await local.enter();
    const page = await newPage();
    // A check is green if it takes less than 2 s by the page's clock. On a busy machine it may take longer.
    await page.addInitScript(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() / 1_000;
    });
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    await goTo(page, tenant, "health/doctor");
    await page.waitForSelector("h2 >> text=Everything that was checked works");
    dataOf(await before("10 minutes", () => mayfly.jobs.add("read-log", {})));
    await page.click("text=Check again");
    await page.waitForSelector(".checks .tone-amber >> text=Jobs wait for more than five minutes");
    await page.waitForSelector("h2 >> text=1 check found something to look at");
    await expectAccessible(page);
    await keepLooks(page, "doctor-warning");
    await mayfly.close();
    await page.context().close();
  });

  it("names in an agent's trail also what is older than the newest 200 memories", async () => {
    const { tenant, mayfly } = await local.enter();
    const spawn = async (name: string) =>
      dataOf(await mayfly.spawn({ name, lifetime: 600, scopes }));
    const [first, others] = [await spawn("first"), await spawn("others")];
    await first.remember({ task: "The first lesson", output: "Look at locks." });
    dataOf(await first.sync());
    dataOf(
      await others.remember(
        Array.from({ length: 210 }, (_, n) => ({ task: `Lesson ${n}`, output: `Number ${n}.` })),
      ),
    );
    dataOf(await others.sync());
    const page = await opened(tenant, `agents/${first.id}`);
    await region(page, "Trail").getByRole("link", { name: "The first lesson" }).waitFor();
    await Promise.all([first.stop(), others.stop()]);
    await mayfly.close();
    await page.context().close();
  });

  it("leaves sentences in a table room for some words, however many columns there are", async () => {
    const page = await opened(full, "agents");
    await page.click("main td >> text=grace");
    const about = page.getByRole("table", { name: "Jobs" }).getByText("There is no such log.");
    await about.waitFor();
    for (const width of [1000, 1280, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      expect((await about.locator("xpath=..").boundingBox())?.width).toBeGreaterThan(150);
    }
    await page.context().close();
  });

  it("leads from an empty board to the agent that ended last", async () => {
    const { tenant, mayfly } = await local.enter();
    await before("20 minutes", async () => {
      const gone = dataOf(await mayfly.spawn({ name: "gone", lifetime: 600 }));
      await gone.stop();
    });
    const page = await opened(tenant, "now");
    await page.waitForSelector(".board-empty >> text=No agent is alive now.");
    await page.waitForSelector(".board-empty >> text=/gone ended \\d+ min ago/");
    await expectAccessible(page);
    await keepLooks(page, "now-nobody");
    await page.click(".board-empty button >> text=Show");
    await page.waitForSelector(".board-names >> text=gone");
    await page.waitForSelector("text=Back to now");
    await page.waitForSelector(".board-empty", { state: "detached" });
    await mayfly.close();
    await page.context().close();
  });

  it("does not count an agent of two hours ago among those of the past hour", async () => {
    const { tenant, mayfly } = await local.enter();
    const id = await before("2 hours", async () => {
      const old = dataOf(await mayfly.spawn({ name: "old", lifetime: 600 }));
      await old.stop();
      return old.id;
    });
    const page = await opened(tenant, `agents/${id}`);
    await page.waitForSelector("h1 >> text=old");
    await goTo(page, tenant, "now");
    await page.waitForSelector(".empty >> text=No agent was alive within the past hour.");
    await page.waitForSelector(".empty >> text=/The last agent was alive 2 h/");
    await goTo(page, tenant, "agents");
    await page.waitForSelector(".empty >> text=No agent was alive within the past hour.");
    await mayfly.close();
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
