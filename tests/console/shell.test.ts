import { describe, expect, it } from "vitest";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  goTo,
  keepLooks,
  local,
  makePerson,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  signIn,
  tenant,
} from "./opened.ts";

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();

  it("signs the developer in with a link that works once", async () => {
    const page = await newPage();
    const link = local.consoleLink() ?? "";
    await page.goto(link);
    await page.waitForSelector(".shell");
    expect(page.url()).toContain(`#/`);
    expect(page.url()).not.toContain("link=");
    // A session stays signed in, and keeps its place.
    await goTo(page, "now");
    await page.reload();
    await page.waitForSelector(".shell");
    expect(page.url()).toContain(tenant);
    const other = await newPage();
    await other.goto(link);
    await other.waitForSelector("text=This link was already used");
    await expectAccessible(other);
    await keepLooks(other, "sign-in");
    await Promise.all([page.context().close(), other.context().close()]);
  });

  it("opens the tenant that a link names, instead of the first one", async () => {
    const other = await local.enter();
    const page = await newPage();
    for (const id of [other.tenant, tenant]) {
      await page.goto("about:blank");
      await page.goto(`${local.consoleLink()}&tenant=${id}`);
      await page.waitForSelector(".shell");
      expect(new URL(page.url()).hash).toBe(`#/${id}/now`);
    }
    await page.context().close();
    await other.mayfly.close();
  });

  it("gives sessions and links only to its own page and the secret key", async () => {
    const post = (path: string, headers: Record<string, string>) =>
      fetch(`${local.apiUrl}/console/${path}`, { method: "POST", headers, body: "{}" });
    expect((await post("sign-in", {})).status).toBe(403);
    expect((await post("enter", {})).status).toBe(403);
    expect((await post("link", { apikey: local.publishableKey })).status).toBe(403);
    expect((await post("link", { apikey: local.secretKey })).status).toBe(200);
    expect((await post("sign-in", { "sec-fetch-site": "same-site" })).status).toBe(403);
    const config = await (await fetch(`${local.apiUrl}/console/config.json`)).text();
    expect(config).not.toContain(local.secretKey);
    for (const path of ["../keys.json", "assets/../../package.json", "..%2fpackage.json"]) {
      const response = await fetch(`${local.apiUrl}/console/${path}`);
      expect(await response.text()).not.toContain("mayfly");
    }
  });

  it("runs under a policy that allows only its own files and its project", async () => {
    const page = await newPage();
    const response = await page.goto(`${local.apiUrl}/console/`);
    const policy = response?.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    await page.waitForSelector("form");
    const meta = await page.getAttribute("meta[http-equiv]", "content");
    expect(meta).toContain("script-src 'self'");
    expect(meta).not.toContain("unsafe");
    const ran = await page.evaluate(() => {
      const script = document.createElement("div");
      try {
        script.innerHTML = "<img src=x onerror=alert(1)>";
        return "markup from text";
      } catch {
        return "refused";
      }
    });
    expect(ran).toBe("refused");
    problems.length = 0;
    await page.context().close();
  });

  it("opens pages, agents and themes with the keyboard", async () => {
    const { data: agent, error } = await mayfly.spawn({ name: "finder", lifetime: 600 });
    if (error) throw error;
    const page = await newPage();
    await openAsOwner(page, "now");
    await page.waitForSelector("text=finder");
    await page.keyboard.press("Control+k");
    await page.fill("dialog input", "find");
    await page.waitForSelector("[role=option] >> text=finder");
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.keyboard.press("t");
    expect(await page.getAttribute("html", "data-theme")).toBe("dark");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog >> text=Light or dark");
    await page.keyboard.press("Escape");
    await agent.stop();
    await page.context().close();
  });

  it("shows agents live: their starts, their ends, and the past hour", async () => {
    const { data: old, error } = await mayfly.spawn({
      ...{ name: "before", lifetime: 600 },
      scopes: ["agent:spawn", "agent:read", "message:read", "message:send"],
    });
    if (error) throw error;
    const page = await newPage();
    await openAsOwner(page, "now");
    await page.waitForSelector(".condition-running >> text=before");
    await page.waitForSelector(".live >> text=Live");
    const { data: child, error: unborn } = await old.spawn({ name: "born live", lifetime: 600 });
    if (unborn) throw unborn;
    await page.waitForSelector(".condition-running >> text=born live");
    await child?.send(old.id, "info", { text: "hello" });
    await old.stop("Done.");
    await page.waitForSelector(".condition-stopped >> text=before");
    await page.waitForSelector(".condition-stopped >> text=born live");
    await expectAccessible(page);
    await keepLooks(page, "now");
    // Before the two were spawned there is nobody.
    await page.getByLabel("The instant that is shown").focus();
    await page.keyboard.press("Home");
    await page.waitForSelector("text=Back to now");
    await page.waitForSelector(".condition-stopped", { state: "detached" });
    // It replays the hour from there, faster than it happened.
    await page.getByLabel("Speed").selectOption("60");
    const shown = () => page.getByLabel("The instant that is shown").inputValue().then(Number);
    const before = await shown();
    await page.getByLabel("Replay").click();
    await expect.poll(shown, { timeout: 30_000 }).toBeGreaterThan(before + 60_000);
    await page.click("text=Back to now");
    await page.waitForSelector(".condition-stopped >> text=before");
    await page.context().close();
  });

  it("says on each page of an empty tenant what to do next, without a gap", async () => {
    const empty = await local.enter();
    const page = await newPage();
    await page.goto(local.consoleLink() ?? "");
    await page.waitForSelector(".shell");
    for (const path of [
      ...["now", "agents", "teams", "jobs", "jobs/queues", "jobs/schedules", "workflows"],
      ...["workflows/graphs", "runs", "approvals", "memory", "memory/conflicts", "memory/growth"],
      ...["state", "channels"],
    ]) {
      await page.evaluate((hash) => {
        globalThis.location.hash = hash;
      }, `#/${empty.tenant}/${path}`);
      await page.waitForSelector("main .empty");
      await page.waitForSelector("main .skeleton", { state: "detached" });
      const found = await page.locator("main .empty").evaluateAll((all) =>
        all.map((one) => {
          const [title, hint] = [...one.children].map((part) => part.getBoundingClientRect());
          return hint && title && hint.height > 0 ? Math.round(hint.top - title.bottom) : "no hint";
        }),
      );
      expect({ path, found }).toEqual({ path, found: found.map(() => 8) });
      if (path === "state" || path === "channels") await keepLooks(page, `${path}-empty`);
    }
    await empty.mayfly.close();
    await page.context().close();
  });

  it("lets a viewer in with a password, and out again", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await page.click(".account summary");
    await page.waitForSelector("text=viewer of this tenant");
    await page.click("text=Sign out");
    await page.waitForSelector("input[name=password]");
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
