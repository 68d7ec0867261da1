/** The hooks in a real browser, in strict mode, where every effect runs twice. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, type Mayfly, runAgents } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { signIn, startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";
import { scriptedModel } from "../runs/running.ts";

const root = join(import.meta.dirname, "../..");

describe.skipIf(!chromiumPath)("the hooks", () => {
  let local: TestLocal;
  let server: ViteDevServer;
  let browser: TestBrowser;
  let cache: string;
  let mayfly: Mayfly;
  let tenant: string;
  let page: Page;
  const problems: string[] = [];
  /** Topics of Realtime that the page has joined and not left. */
  const joined: string[] = [];
  const joins: string[] = [];

  beforeAll(async () => {
    local = await startTestLocal();
    cache = await mkdtemp(join(tmpdir(), "mayfly-vite-"));
    server = await createServer({
      root: join(import.meta.dirname, "react-page"),
      configFile: false,
      logLevel: "silent",
      cacheDir: cache,
      oxc: { jsx: { runtime: "automatic", importSource: "react" } },
      server: {
        port: 0,
        host: "127.0.0.1",
        fs: { allow: [import.meta.dirname, join(root, "sdk"), join(root, "adapters"), cache] },
      },
      optimizeDeps: {
        include: [
          ...["@supabase/supabase-js", "uuid", "zod", "idb", "porter2"],
          ...["react", "react-dom/client", "react/jsx-dev-runtime"],
        ],
      },
    });
    await server.listen();
    browser = await openBrowser();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await local?.close();
    if (cache) await rm(cache, { recursive: true, force: true });
  });
  beforeEach(async () => {
    ({ mayfly, tenant } = await local.enter());
    problems.length = 0;
    joined.length = 0;
    joins.length = 0;
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("websocket", (socket) =>
      socket.on("framesent", ({ payload }) => {
        const frame: unknown = JSON.parse(String(payload));
        const [topic, event] = Array.isArray(frame)
          ? [frame[2], frame[3]]
          : [Object(frame).topic, Object(frame).event];
        if (event === "phx_join") {
          joins.push(topic);
          joined.push(topic);
        }
        if (event === "phx_leave") joined.splice(joined.indexOf(topic), 1);
      }),
    );
  });
  afterEach(async () => {
    await page.close();
    await mayfly.close();
    expect(problems).toEqual([]);
  });

  const open = async (more: Record<string, string> = {}, role = "owner") => {
    const token = await signIn(local, tenant, role);
    const project = { url: local.apiUrl, key: local.publishableKey, token, tenant, ...more };
    await page.goto(`${server.resolvedUrls?.local[0]}?${new URLSearchParams(project)}`);
    await page.getByRole("button", { name: "Show or hide" }).waitFor();
  };
  const said = (label: string) => page.getByLabel(label, { exact: true }).textContent();
  const listed = (label: string) =>
    page.getByLabel(label, { exact: true }).locator("li").allTextContents();

  it("show the living agents in every component, from one watch", async () => {
    const reader = dataOf(await mayfly.spawn({ name: "reader" }));
    await open();
    await expect.poll(() => listed("agents")).toEqual(["reader"]);
    expect(await listed("same agents")).toEqual(["reader"]);
    expect(await said("agents state")).toBe("ready");
    await page.getByRole("button", { name: "Spawn" }).click();
    await expect
      .poll(async () => (await listed("agents")).sort())
      .toEqual(["from-the-page", "reader"]);
    await reader.stop();
    await expect.poll(() => listed("same agents")).toEqual(["from-the-page"]);
    // Strict mode mounts each of the two components twice.
    expect(joins).toEqual([...new Set(joins)]);
  });

  it("leave every topic when the last component unmounts, and join again when another one mounts", async () => {
    dataOf(await mayfly.spawn({ name: "reader" }));
    await open();
    await expect.poll(() => listed("agents")).toEqual(["reader"]);
    await expect.poll(() => said("count state")).toBe("ready");
    expect(joined.length).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Show or hide" }).click();
    await expect.poll(() => joined).toEqual([]);
    await page.getByRole("button", { name: "Show or hide" }).click();
    await expect.poll(() => listed("agents")).toEqual(["reader"]);
  });

  it("show messages as they are sent, newest first", async () => {
    const [sender, reader] = [
      dataOf(await mayfly.spawn({ name: "sender" })),
      dataOf(await mayfly.spawn({ name: "reader" })),
    ];
    const send = async (text: string) => dataOf(await sender.send(reader.id, "info", { text }));
    await send("One");
    await open();
    await expect.poll(() => listed("messages")).toEqual(["One"]);
    // Nothing else makes the page look: the message is announced only to its recipient.
    const reads = /\/rpc\/read_log/;
    const isQuiet = () =>
      page.waitForRequest(reads, { timeout: 2_000 }).then(
        () => false,
        () => true,
      );
    while (!(await isQuiet()));
    await send("Two");
    await expect.poll(() => listed("messages"), { timeout: 10_000 }).toEqual(["Two", "One"]);
  });

  it("show a change of a state at once, before it is stored, in every component", async () => {
    dataOf(await mayfly.state.set("count", 1));
    await open();
    await expect.poll(() => said("count")).toBe("1");
    let store = () => {};
    const isHeld = new Promise<void>((resolve) => {
      store = resolve;
    });
    await page.route("**/rpc/set_state", async (route) => {
      await isHeld;
      await route.continue();
    });
    await page.getByRole("button", { name: "count: set 100" }).first().click();
    await expect.poll(() => said("same count")).toBe("100");
    expect(dataOf(await mayfly.state.get("count"))?.value).toBe(1);
    store();
    await expect.poll(async () => dataOf(await mayfly.state.get("count"))?.value).toBe(100);
    // Somebody else changes it.
    dataOf(await mayfly.state.set("count", 7));
    await expect.poll(() => said("count")).toBe("7");
    await page.getByRole("button", { name: "same count: add 1" }).click();
    await expect.poll(async () => dataOf(await mayfly.state.get("count"))?.value).toBe(8);
    await expect.poll(() => said("count")).toBe("8");
  });

  it("show the stored value again if a change is refused, and return why", async () => {
    dataOf(await mayfly.state.set("count", 1));
    await open({}, "viewer");
    await expect.poll(() => said("count")).toBe("1");
    await page.getByRole("button", { name: "count: set 100" }).first().click();
    await expect.poll(() => said("count refused")).toBe("scope_missing");
    expect(await said("count")).toBe("1");
    expect(await said("same count")).toBe("1");
  });

  it("keep nothing of the states that no component shows any more", async () => {
    const [first, last, size] = [1, 24, 200_000];
    for (let n = first; n <= last; n++)
      dataOf(await mayfly.state.set(`large ${n}`, `${n} `.padEnd(size, "x")));
    await open();
    const cdp = await page.context().newCDPSession(page);
    const heap = async () => {
      await cdp.send("HeapProfiler.collectGarbage");
      return (await cdp.send("Runtime.getHeapUsage")).usedSize;
    };
    const show = async (n: number) => {
      await page.getByRole("button", { name: "Next large state" }).click();
      await expect.poll(() => said("large")).toBe(`${n}: ${size}`);
    };
    await show(first);
    const before = await heap();
    for (let n = first + 1; n <= last; n++) await show(n);
    // If the page kept them, they would take 4.6 MB.
    await expect.poll(async () => (await heap()) - before).toBeLessThan(2_000_000);
  });

  it("stream a run's text and end with its status", async () => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const talker = defineAgent({
      name: "talker",
      model: scriptedModel(async () => {
        await gate;
        return "It was lost on the way.";
      }),
    });
    const work = dataOf(await mayfly.jobs.work(runAgents(talker), { pollMs: 100 }));
    const run = dataOf(await mayfly.runs.start(talker, "Why?"));
    await open({ run: run.id });
    await expect.poll(() => said("run status")).toMatch(/queued|running/);
    go();
    await expect.poll(() => said("run text")).toBe("It was lost on the way.");
    await expect.poll(() => said("run status")).toBe("succeeded");
    await work.stop();
  });

  it("show an open approval until it is decided", async () => {
    await open();
    const agent = dataOf(await mayfly.spawn({ name: "asker", scopes: ["approval:request"] }));
    const asked = dataOf(await agent.approvals.request("Refund order 17?", { amount: 20 }));
    await expect.poll(() => listed("approvals")).toEqual(["Refund order 17?Approve"]);
    await page.getByRole("button", { name: "Approve" }).click();
    await expect.poll(() => listed("approvals")).toEqual([]);
    expect(dataOf(await mayfly.approvals.get(asked.id)).status).toBe("approved");
  });

  it("return errors as values, and do not load without a run", async () => {
    await open({ tenant: "01a00000-0000-7000-8000-000000000000", run: "" });
    await expect.poll(() => said("agents state")).not.toBe("loading");
    expect(await said("agents state")).not.toBe("ready");
    await expect.poll(() => said("messages state")).not.toBe("loading");
    expect(await said("messages state")).not.toBe("ready");
    expect(await said("run state")).toBe("ready");
    expect(await listed("agents")).toEqual([]);
  });
});
