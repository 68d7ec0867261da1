/** The console in Chromium, on an embedded Supabase of the test file's own. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Mayfly } from "@mayfly/sdk";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";
import { buildConsole } from "../../scripts/build-console.ts";

const root = join(import.meta.dirname, "../..");
/** Screenshots of the last run, for whoever reviews: not in git. */
const artefacts = join(import.meta.dirname, ".artefacts");

export let local: TestLocal;
export let tenant: string;
/** As the secret key: makes what the pages show. */
export let mayfly: Mayfly;
let browser: Browser;
/** What pages said that no page may say: errors, and what the policy refused. */
export const problems: string[] = [];

export function setUp(): void {
  beforeAll(async () => {
    await buildConsole();
    await mkdir(artefacts, { recursive: true });
    local = await startTestLocal({ embedded: true, console: join(root, "console") });
    ({ tenant, mayfly } = await local.enter());
    browser = await chromium.launch({
      executablePath: chromiumPath ?? "",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    });
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
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedScript|TrustedHTML/.test(message.text()))
      problems.push(message.text());
  });
  return page;
}

/** The console as the developer, an owner, on a page of the tenant. */
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

/** Keeps what the page looks like: light, dark, and as wide as a phone. */
export async function keepLooks(page: Page, name: string): Promise<void> {
  const size = page.viewportSize();
  const theme = (value: string) =>
    page.evaluate((to) => {
      document.documentElement.dataset.theme = to;
    }, value);
  for (const one of ["light", "dark"]) {
    await theme(one);
    await page.screenshot({ path: join(artefacts, `${name}-${one}.png`) });
  }
  await theme("light");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(artefacts, `${name}-phone.png`) });
  if (size) await page.setViewportSize(size);
}

/** What axe finds of serious and critical faults, in light and in dark. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const { source } = await import("axe-core");
  const found: string[] = [];
  // The policy of the page lets no script in: axe runs beside the page's own.
  const cdp = await page.context().newCDPSession(page);
  for (const theme of ["dark", "light"]) {
    const expression = `document.documentElement.dataset.theme = "${theme}"; ${source};
      axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(violations))`;
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
