import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";
import { servePage } from "../../examples/browser/start.ts";
import { announce } from "./announced.ts";

const root = join(import.meta.dirname, "../..");

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-examples-"));
  local = await startTestLocal();
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe("the worker and the script for Deno", () => {
  let worker: ChildProcess | undefined;
  afterAll(() => worker?.kill("SIGKILL"));

  beforeAll(async () => {
    await announce(local, join(folder, ".mayfly"));
    await writeFile(
      join(folder, "notes.md"),
      "Backups, backups and restores; restores of backups.",
    );
  });
  const ask = () => {
    const deno = join(root, "node_modules/.bin/deno");
    const flags = ["run", "--no-lock", "--allow-net", "--allow-env", "--allow-read"];
    const words = [...flags, join(root, "examples/deno.ts"), "notes.md"];
    return promisify(execFile)(deno, words, { cwd: folder }).catch(
      (failed: { stdout: string; stderr: string }) => failed,
    );
  };

  it("say what is missing, work together, remember it, and end cleanly", async () => {
    expect((await ask()).stderr).toContain("No worker is running to find out. Start the worker.");

    worker = spawn(process.execPath, [join(root, "examples/worker.ts")], { cwd: folder });
    const ended = new Promise<number | null>((resolve) => worker?.once("close", resolve));
    let said = "";
    const waits = new Promise<void>((resolve) => {
      worker?.stdout?.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("waits for tasks.")) resolve();
      });
    });
    worker.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await Promise.race([waits, ended]);
    expect((await ask()).stdout).toContain("A worker has found: backups, restores");
    worker.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(said).toMatch(/^(\w+) waits for tasks\.\n\1 did: Keywords of notes\.md\nEnded\.\n$/);
    const [row] = await local.sql`
      select status, stop_reason from mayfly.agents where type = 'worker'`;
    expect(row).toEqual({ status: "stopped", stop_reason: "The process was told to end." });

    expect((await ask()).stdout).toContain("had found: backups, restores");
  });
});

describe("each example", () => {
  it("says in one sentence what to do if the project does not run, or no longer runs", async () => {
    const nothing =
      "No project is running in this folder. Start one in another terminal: npm start\n";
    const deno = ["run", "--no-lock", "--allow-net", "--allow-env", "--allow-read"];
    const node = ["smallest.ts", "messages.ts", "worker.ts", "browser/start.ts"];
    const empty = join(folder, "empty");
    const crashed = join(folder, "crashed");
    await mkdir(empty);
    await mkdir(join(crashed, ".mayfly"), { recursive: true });
    const gone = { apiUrl: "http://127.0.0.1:1", secretKey: "sb_secret_x" };
    await writeFile(join(crashed, ".mayfly/running.json"), JSON.stringify(gone));
    const failures = async (program: string, words: string[]) =>
      Promise.all(
        [empty, crashed].map((cwd) =>
          promisify(execFile)(program, words, { cwd }).then(
            () => "ended well",
            (failed: { stderr: string }) => failed.stderr,
          ),
        ),
      );
    for (const name of node)
      expect(await failures(process.execPath, [join(root, "examples", name)]), name).toEqual([
        nothing,
        nothing,
      ]);
    expect(
      await failures(join(root, "node_modules/.bin/deno"), [
        ...deno,
        join(root, "examples/deno.ts"),
      ]),
    ).toEqual([nothing, nothing]);
  });

  it("is not served for an incomplete project", async () => {
    const page = promisify(execFile)(process.execPath, [join(root, "examples/browser/start.ts")], {
      env: { ...process.env, MAYFLY_URL: local.apiUrl },
    });
    await expect(page).rejects.toMatchObject({
      stderr: "MAYFLY_URL names a project, so MAYFLY_PUBLISHABLE_KEY must be set too.\n",
    });
  });
});

describe.skipIf(!chromiumPath)("the example in the browser", () => {
  let served: Awaited<ReturnType<typeof servePage>>;
  let browser: TestBrowser;
  const problems: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    const { apiUrl: url, publishableKey } = local;
    [served, browser] = await Promise.all([
      servePage({ url, publishableKey, port: 0, cacheDir: join(folder, "vite") }),
      openBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  /** The page of a new person in a new tenant. Everything that it logs and requests is recorded. */
  async function visit(email: string): Promise<Page> {
    const { mayfly } = await local.enter();
    const { data: invited } = await mayfly.people.members.invite({ role: "member" });
    // Each visitor has a separate browser context, and so no other session.
    const page = await (await browser.newContext()).newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (said) => {
      if (["error", "warning"].includes(said.type())) problems.push(said.text());
    });
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

  it("spawns agents, shows their presence, messages and debug streams, recalls what they learned, and hides all of it from another tenant", async () => {
    const [page, other] = await Promise.all([visit("ada@example.com"), visit("bob@example.com")]);
    await spawn(page, "ada-reader");
    await spawn(other, "bob-reader");

    // What is `wanted` is shown only briefly, perhaps between two checks of the browser's driver, so the
    // page itself watches for it.
    const passed = page.evaluate(
      (wanted) =>
        new Promise<void>((resolve) => {
          const left = new Map(Object.entries(wanted));
          new MutationObserver(() => {
            for (const [where, text] of left)
              if (document.querySelector(where)?.textContent.includes(text)) left.delete(where);
            if (left.size === 0) resolve();
          }).observe(document.body, { subtree: true, childList: true, attributes: true });
        }),
      { "#progress progress": "", "#agents li.working": "Rotating the signing key" },
    );
    await page.getByRole("button", { name: "Send" }).click();
    await passed;
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

  it("never gets the secret key, and cannot read the repository", async () => {
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((request) => request.includes(local.secretKey))).toEqual([]);
    expect((await fetch(`${served.url}@fs${join(root, "package.json")}`)).status).toBe(403);
  });

  it("says what is wrong with a password or an invitation", async () => {
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
