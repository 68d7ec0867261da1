import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mayfly, PresentAgent } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";

declare global {
  /** The results that the page below stores for the test to read. */
  var sdk: typeof import("@mayfly/sdk");
}

const root = join(import.meta.dirname, "../..");

describe.skipIf(!chromiumPath)("the SDK in a browser", () => {
  let local: TestLocal;
  let server: ViteDevServer;
  let browser: TestBrowser;
  let page: Page;
  let cache: string;
  const problems: string[] = [];

  beforeAll(async () => {
    local = await startTestLocal();
    cache = await mkdtemp(join(tmpdir(), "mayfly-vite-"));
    server = await createServer({
      root: join(root, "sdk"),
      configFile: false,
      logLevel: "silent",
      cacheDir: cache,
      server: { port: 0, host: "127.0.0.1" },
      optimizeDeps: { include: ["ai", "@supabase/supabase-js", "uuid", "zod"] },
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
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(`${server.resolvedUrls?.local[0]}page`);
    await page.waitForFunction(() => "sdk" in globalThis);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await local?.close();
    if (cache) await rm(cache, { recursive: true, force: true });
  });

  it("spawns, remembers, recalls and stops, from a page of another origin", async () => {
    const { tenant } = await local.enter();
    const options = { url: local.apiUrl, key: local.secretKey, tenant };
    const outcome = await page.evaluate(async (project) => {
      const mayfly: Mayfly = new globalThis.sdk.Mayfly(project);
      const { data: agent, error } = await mayfly.spawn({ name: "in a page" });
      if (error) return { error: `${error.code} ${error.message}` };
      await agent.remember({ task: "Rotate the signing key", tags: ["page"] });
      const { data: synced } = await agent.sync();
      const { data: recall } = await agent.recall("rotated keys");
      const { data: stopped } = await agent.stop();
      return {
        pushed: synced?.pushed,
        best: recall?.results[0]?.task,
        status: stopped?.agent.status,
      };
    }, options);
    expect(outcome).toEqual({ pushed: 1, best: "Rotate the signing key", status: "stopped" });
    expect(problems).toEqual([]);
  });

  it("adds a job and sees it end, and works on jobs itself when it is woken", async () => {
    const { mayfly } = await local.enter();
    const scopes = ["job:add", "job:read", "job:work"];
    const { data: key } = await mayfly.keys.create({ name: "pages", scopes });
    const enrolmentKey = key?.key ?? "";
    const options = { url: local.apiUrl, key: local.publishableKey, enrolmentKey };
    const serving = await mayfly.jobs.work(
      { shout: ({ text }: { text: string }) => text.toUpperCase() },
      { drainOnTermination: false },
    );
    const seen = await page.evaluate(async (project) => {
      const inPage = new globalThis.sdk.Mayfly(project);
      const { data: agent } = await inPage.spawn({ name: "works in a page" });
      const { data: added } = (await agent?.jobs.add("shout", { text: "from a page" })) ?? {};
      const ended = await agent?.jobs.ended(added?.id ?? "", { timeoutMs: 60_000 });
      // From here on, the page works.
      await agent?.work({
        title: async (_: unknown, job) =>
          job.step("read", () => `${globalThis.document.contentType} ${job.attempt}`),
      });
      return { status: ended?.data?.status, result: ended?.data?.result, agent: agent?.id };
    }, options);
    expect(seen).toMatchObject({ status: "succeeded", result: "FROM A PAGE" });
    const { data: job } = await mayfly.jobs.add("title");
    const { data: done } = await mayfly.jobs.ended(job?.id ?? "", { timeoutMs: 60_000 });
    expect(done).toMatchObject({ result: "text/html 1", holder: seen.agent, attempt: 1 });
    expect(done?.steps).toHaveLength(1);
    await serving.data?.stop();
    await mayfly.close();
    expect(problems).toEqual([]);
  });

  it("shows an agent in the page to a watcher in Node, until the page closes", async () => {
    const { tenant, mayfly } = await local.enter();
    let seen: (present: PresentAgent[]) => void = () => {};
    const until = (holds: (present: PresentAgent[]) => boolean) =>
      new Promise<void>((resolve) => {
        seen = (present) => holds(present) && resolve();
      });
    const there = until((present) => present.some(({ status }) => status === "shown"));
    const watching = await mayfly.agents.watch((present) => seen(present));
    expect(watching.error).toBeNull();
    const tracked = await page.evaluate(
      async (project) => {
        const mayfly = new globalThis.sdk.Mayfly(project);
        const { data: agent } = await mayfly.spawn({ name: "visible" });
        return (await agent?.presence.track({ status: "shown" }))?.error?.message ?? "tracked";
      },
      { url: local.apiUrl, key: local.secretKey, tenant },
    );
    expect(tracked).toBe("tracked");
    await there;
    const gone = until((present) => present.length === 0);
    await page.close();
    await gone;
    await watching.data?.();
    await mayfly.close();
  });
});
