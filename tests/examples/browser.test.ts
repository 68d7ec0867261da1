import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servePage } from "../../examples/browser/start.ts";
import { startTestLocal, type TestLocal } from "../harness/local.ts";
import { chromiumPath } from "../harness/needs.ts";

describe.skipIf(!chromiumPath)("the example in the browser", () => {
  let local: TestLocal;
  let served: Awaited<ReturnType<typeof servePage>>;
  let browser: Browser;
  let folder: string;
  const problems: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-vite-"));
    local = await startTestLocal();
    const { apiUrl: url, publishableKey } = local;
    [served, browser] = await Promise.all([
      servePage({ url, publishableKey, port: 0, cacheDir: folder }),
      chromium.launch({
        executablePath: chromiumPath ?? "",
        args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      }),
    ]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await local?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** The page of a new person in a new tenant, with whatever it says and asks recorded. */
  async function visit(email: string): Promise<Page> {
    const { mayfly } = await local.enter();
    const { data: invited } = await mayfly.members.invite({ role: "member" });
    // A browser of its own: nobody else's session.
    const page = await (await browser.newContext()).newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("request", (request) => {
      asked.push([request.url(), JSON.stringify(request.headers()), request.postData()].join(" "));
    });
    await page.goto(`${served.url}#invitation=${invited?.token}`);
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password").fill("correct horse");
    await page.getByRole("button", { name: "I am new here" }).click();
    await page.getByRole("heading", { name: "Agents" }).waitFor();
    return page;
  }
  const spawn = async (page: Page, name: string) => {
    await page.getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Spawn" }).click();
    await page.locator("#agents li", { hasText: name }).waitFor();
  };

  it("spawns agents, sees them, hears them, recalls what they learned, and shows their debug stream; another tenant has nothing of it", async () => {
    const [page, other] = await Promise.all([visit("ada@example.com"), visit("bob@example.com")]);
    await spawn(page, "ada-reader");
    await spawn(other, "bob-reader");

    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("progressbar").waitFor();
    await page.locator("#agents li.working", { hasText: "Rotating the signing key" }).waitFor();
    const reply = page.getByLabel("Messages").getByText("4 sentences learned.");
    await reply.waitFor();

    await page.getByLabel("Debug records").getByText("sentence").first().waitFor();
    await page.getByRole("button", { name: "Stop ada-reader" }).click();
    await page.getByText("Nobody is here.").waitFor();
    await page.getByLabel("Question").fill("when is the old key revoked?");
    await page.getByRole("button", { name: "Ask" }).click();
    const memory = page.getByLabel("Memories").locator("li").first();
    await memory.waitFor();
    expect(await memory.textContent()).toMatch(/Revoke the old key.*learned by ada-reader, ended/);

    await other.getByLabel("Question").fill("when is the old key revoked?");
    await other.getByRole("button", { name: "Ask" }).click();
    await other.getByText("Nobody knows anything about it.").waitFor();
    expect(await other.locator("#agents").textContent()).toContain("bob-reader");
    expect(await other.content()).not.toMatch(/ada-reader|Import the new key as.*li>/);
    expect(await other.locator("#heard, #debug, #memories").allTextContents()).not.toContain(
      expect.stringContaining("ada-reader"),
    );

    expect(await page.locator("#problem").isVisible()).toBe(false);
    expect(problems).toEqual([]);
  });

  it("is never given the secret key, and cannot read the repository", async () => {
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((request) => request.includes(local.secretKey))).toEqual([]);
    const secret = join(import.meta.dirname, "../../package.json");
    expect((await fetch(`${served.url}@fs${secret}`)).status).toBe(403);
  });

  it("says in words what is wrong: a password, an invitation", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(served.url);
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByLabel("Password").fill("not hers");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("Invalid login credentials").waitFor();

    await page.getByLabel("Email").fill("eve@example.com");
    await page.getByRole("button", { name: "I am new here" }).click();
    await page.getByLabel("Invitation").fill("made up");
    await page.getByRole("button", { name: "Accept" }).click();
    await page.getByRole("alert").getByText("There is no such invitation").waitFor();
  });
});
