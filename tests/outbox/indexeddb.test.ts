import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";

declare global {
  /** The results that the page below stores for the test to read. */
  var sdk: typeof import("@mayfly/sdk");
  /** An agent that the page keeps between two calls. */
  var kept: import("@mayfly/sdk").Agent;
}

const root = join(import.meta.dirname, "../..");

describe.skipIf(!chromiumPath)("an outbox in IndexedDB", () => {
  let local: TestLocal;
  let server: ViteDevServer;
  let browser: TestBrowser;
  let context: BrowserContext;
  let cache: string;

  beforeAll(async () => {
    local = await startTestLocal();
    cache = await mkdtemp(join(tmpdir(), "mayfly-vite-"));
    server = await createServer({
      root: join(root, "sdk"),
      configFile: false,
      logLevel: "silent",
      cacheDir: cache,
      server: { port: 0, host: "127.0.0.1" },
      optimizeDeps: { include: ["ai", "porter2", "@supabase/supabase-js", "idb", "uuid", "zod"] },
      plugins: [
        {
          name: "page",
          configureServer: ({ middlewares }) => {
            middlewares.use("/page", (_request, response) => {
              response.setHeader("content-type", "text/html");
              response.end(
                '<script type="module">globalThis.sdk = await import("/src/index.ts")</script>',
              );
            });
          },
        },
      ],
    });
    await server.listen();
    browser = await openBrowser();
    context = await browser.newContext();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await local?.close();
    if (cache) await rm(cache, { recursive: true, force: true });
  });

  async function openPage(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${server.resolvedUrls?.local[0]}page`);
    await page.waitForFunction(() => "sdk" in globalThis);
    return page;
  }

  it("survives the page, and is drained once by the next one", async () => {
    // The Data API refuses a browser that has the secret key.
    const { tenant, mayfly } = await local.enter();
    const { data: made } = await mayfly.keys.create({ name: "page" });
    await mayfly.close();
    const options = {
      ...{ url: local.apiUrl, key: local.publishableKey, storage: "mayfly" },
      enrolmentKey: made?.key ?? "",
    };
    const first = await openPage();
    const left = await first.evaluate(async (project) => {
      const { data: agent } = await new globalThis.sdk.Mayfly(project).spawn({ name: "closed" });
      for (let n = 0; n < 5; n++) await agent?.remember({ task: `memory ${n}` });
      await agent?.remember({ task: "too much", metadata: { text: "x".repeat(70_000) } });
      const found = await agent?.memory.recallLocal("memory 3");
      return { unsynced: agent?.outbox.waiting, found: found?.data?.results[0]?.task };
    }, options);
    expect(left).toEqual({ unsynced: 6, found: "memory 3" });
    await first.close();

    const second = await openPage();
    const drained = await second.evaluate(async (project) => {
      const { data: agent } = await new globalThis.sdk.Mayfly(project).spawn({ name: "next" });
      const first = await agent?.sync();
      const again = await agent?.sync();
      return {
        pushed: first?.data?.pushed,
        dead: agent?.outbox.refused.map(({ error }) => error.code),
        again: again?.data?.pushed,
      };
    }, options);
    expect(drained).toEqual({ pushed: 5, dead: ["invalid_operation"], again: 0 });
    const rows = await local.sql`select task from mayfly.memories
      where tenant_id = ${tenant} order by id`;
    expect(rows.map(({ task }) => task)).toEqual([0, 1, 2, 3, 4].map((n) => `memory ${n}`));

    const third = await openPage();
    const letters = await third.evaluate(async (project) => {
      const mayfly = new globalThis.sdk.Mayfly(project);
      await mayfly.outbox.drain();
      const { data: agent } = await mayfly.spawn({ name: "third" });
      await agent?.sync();
      const kept = agent?.outbox.refused.length;
      await agent?.outbox.discard();
      return { kept, left: agent?.outbox.refused.length };
    }, options);
    expect(letters).toEqual({ kept: 1, left: 0 });
    await Promise.all([second.close(), third.close()]);
  });

  it("is shared by two open pages, and nothing is repeated", async () => {
    const { tenant } = await local.enter();
    const options = { url: local.apiUrl, key: local.secretKey, tenant, storage: "mayfly" };
    const pages = await Promise.all([openPage(), openPage()]);
    await Promise.all(
      pages.map((page, index) =>
        page.evaluate(
          async ([project, name]) => {
            const mayfly = new globalThis.sdk.Mayfly(project);
            const { data: agent } = await mayfly.spawn({ name });
            for (let n = 0; n < 10; n++) {
              await agent?.remember({ task: `${name} ${n}` });
              await agent?.sync();
            }
          },
          [options, `page ${index}`] as const,
        ),
      ),
    );
    const created = await local.sql`select from mayfly.events
      where tenant_id = ${tenant} and type = 'memory.created'`;
    expect(created).toHaveLength(20);
    await Promise.all(pages.map((page) => page.close()));
  });
  /** A page with an agent that has remembered one thing. It remembers and counts on demand. */
  async function remembering(storage: string) {
    const { tenant } = await local.enter();
    const options = { url: local.apiUrl, key: local.secretKey, tenant, storage };
    const page = await openPage();
    await page.evaluate(async (project) => {
      const { data: agent } = await new globalThis.sdk.Mayfly(project).spawn({});
      if (agent) globalThis.kept = agent;
      await globalThis.kept.remember({ task: "before" });
    }, options);
    const remember = (task: string) =>
      page.evaluate(
        async (given) => (await globalThis.kept.remember({ task: given })).error?.message ?? null,
        task,
      );
    const stored = () =>
      page.evaluate(
        (name) =>
          new Promise<string[]>((resolve, reject) => {
            const opening = indexedDB.open(name);
            opening.onerror = () => reject(opening.error);
            opening.onsuccess = () => {
              const all = opening.result.transaction("outbox").objectStore("outbox").getAll();
              all.onsuccess = () => {
                opening.result.close();
                resolve(all.result.map(({ operation }) => operation.body.task));
              };
            };
          }),
        storage,
      );
    return { page, remember, stored };
  }

  it("is opened again after the browser has closed it, and has everything again", async () => {
    const { page, remember, stored } = await remembering("cleared");
    // As when somebody clears the site's data: the browser ends the connection, and tells the page.
    const session = await context.newCDPSession(page);
    const { origin } = new URL(page.url());
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    expect(await remember("after")).toBeNull();
    expect(await remember("and again")).toBeNull();
    expect(await stored()).toEqual(["before", "after", "and again"]);
    await page.close();
  });

  it("lets another page delete or upgrade the database, and is opened again", async () => {
    const { page, remember, stored } = await remembering("deleted");
    const other = await openPage();
    const outcome = await other.evaluate(
      () =>
        new Promise((resolve) => {
          const deleting = indexedDB.deleteDatabase("deleted");
          deleting.onsuccess = () => resolve("deleted");
          deleting.onblocked = () => resolve("blocked");
        }),
    );
    expect(outcome).toBe("deleted");
    expect(await remember("after")).toBeNull();
    expect(await stored()).toEqual(["before", "after"]);
    // A database with a newer version cannot be opened. It is reported, and nothing is lost.
    await other.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const opening = indexedDB.open("deleted", 2);
          opening.onblocked = () => reject(new Error("blocked"));
          opening.onsuccess = () => {
            opening.result.close();
            resolve();
          };
        }),
    );
    expect(await remember("newer")).toMatch(/^The IndexedDB database deleted could not be opened/);
    expect(await page.evaluate(() => globalThis.kept.outbox.waiting)).toBe(2);
    await Promise.all([page.close(), other.close()]);
  });
});
