/** The console in Chromium, on an embedded Supabase of the test file's own. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Mayfly } from "@mayfly/sdk";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { inTurn } from "#harness/once";
import { buildConsole } from "../../scripts/build-console.ts";

const root = join(import.meta.dirname, "../..");
/** Screenshots of the last run for reviewers. Not in git. */
const artefacts = join(import.meta.dirname, ".artefacts");

export let local: TestLocal;
export let tenant: string;
/** Mayfly as the secret key, to make what the pages show. */
export let mayfly: Mayfly;
let browser: TestBrowser;
/** Messages that no page may cause: errors, and violations of the policy. */
export const problems: string[] = [];

export function setUp(): void {
  beforeAll(async () => {
    await inTurn("console", buildConsole);
    await mkdir(artefacts, { recursive: true });
    local = await startTestLocal({ embedded: true, console: join(root, "console") });
    ({ tenant, mayfly } = await local.enter());
    browser = await openBrowser();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await mayfly?.close();
    await local?.close();
  });
}

export async function newPage(size = { width: 1280, height: 800 }): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ viewport: size });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedScript|TrustedHTML/.test(message.text()))
      problems.push(message.text());
  });
  return page;
}

/** The console as the developer, who is an owner, on a page of the tenant. */
export async function openAsOwner(page: Page, path: string): Promise<void> {
  await page.goto(local.consoleLink() ?? "");
  await page.waitForSelector(".shell");
  await goTo(page, path);
}

export async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate((hash) => {
    globalThis.location.hash = hash;
  }, `#/${tenant}/${path}`);
  await page.waitForSelector("main h1");
}

/** A person with a password, of this role in the tenant. */
export async function makePerson(role: string): Promise<{ email: string; password: string }> {
  const email = `${randomUUID()}@example.com`;
  const password = randomUUID();
  const response = await fetch(`${local.apiUrl}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: local.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const { user } = (await response.json()) as { user: { id: string } };
  await local.sql`insert into mayfly.members (tenant_id, user_id, role) values (${tenant}, ${user.id}, ${role})`;
  return { email, password };
}

export async function signIn(page: Page, person: { email: string; password: string }) {
  await page.goto(`${local.apiUrl}/console/`);
  await page.fill("input[name=email]", person.email);
  await page.fill("input[name=password]", person.password);
  await page.click("button[data-way=in]");
  await page.waitForSelector(".shell");
}

/**
 * Saves screenshots of the page: light, dark, and as wide as a phone. Not in CI, where nobody would see them.
 */
export async function keepLooks(page: Page, name: string): Promise<void> {
  if (process.env.CI) return;
  const size = page.viewportSize();
  await page.evaluate(() => {
    for (const box of document.querySelectorAll("html, main")) box.scrollTop = 0;
  });
  // Set as the system's theme. The page redraws its canvases by the second frame at the latest.
  const theme = async (colorScheme: "light" | "dark") => {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(
      () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
    );
  };
  for (const one of ["light", "dark"] as const) {
    await theme(one);
    await page.screenshot({ path: join(artefacts, `${name}-${one}.png`) });
  }
  await theme("light");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(artefacts, `${name}-phone.png`) });
  if (size) await page.setViewportSize(size);
}

/** The serious and critical problems that axe finds: all in the dark theme, and those of colours also in the light one. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const { source } = await import("axe-core");
  const found: string[] = [];
  // The page's policy allows no foreign script, so axe runs in a separate world.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Runtime.evaluate", { expression: source });
  for (const [theme, runOnly] of [
    ["dark", undefined],
    ["light", { type: "rule", values: ["color-contrast", "link-in-text-block"] }],
  ] as const) {
    const options = JSON.stringify({ resultTypes: ["violations"], runOnly });
    const expression = `document.documentElement.dataset.theme = "${theme}";
      axe.run(document, ${options}).then(({ violations }) => JSON.stringify(violations))`;
    const { result } = await cdp.send("Runtime.evaluate", { expression, awaitPromise: true });
    const violations = JSON.parse(String(result.value)) as {
      id: string;
      impact: string;
      nodes: { html: string; failureSummary: string }[];
    }[];
    for (const { id, impact, nodes } of violations)
      if (impact === "serious" || impact === "critical")
        found.push(
          `${theme} ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
        );
  }
  await cdp.detach();
  return found;
}

export async function expectAccessible(page: Page): Promise<void> {
  expect(await seriousFaults(page)).toEqual([]);
}

/** On a phone, only elements such as tables scroll sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  const over = await page.evaluate(() => {
    const main = document.querySelector("main");
    const right = document.documentElement.clientWidth;
    const wide = main && main.scrollWidth > main.clientWidth ? [...main.querySelectorAll("*")] : [];
    return {
      page: document.documentElement.scrollWidth - right,
      main: main ? main.scrollWidth - main.clientWidth : 0,
      tooFarRight: wide
        .filter((element) => element.getBoundingClientRect().right > right)
        .map(({ tagName, className }) => `${tagName} ${className}`)
        .slice(0, 8),
    };
  });
  if (size) await page.setViewportSize(size);
  expect(over).toEqual({ page: 0, main: 0, tooFarRight: [] });
}
