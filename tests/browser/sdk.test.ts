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
  /** What the page below has loaded for the tests. */
  var sdk: typeof import("@mayfly/sdk");
  var ai: typeof import("ai");
  var aiTest: typeof import("ai/test");
  var zod: typeof import("zod");
}
/** Loads what the tests use. A bundle cannot find `ai` itself, so the page provides it. */
const loads = `<script type="module">
  globalThis.ai = await import("ai");
  globalThis.aiTest = await import("ai/test");
  globalThis.zod = await import("zod");
  globalThis.sdk = await import("/src/index.ts");
</script>`;

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
      optimizeDeps: { include: ["ai", "ai/test", "@supabase/supabase-js", "uuid", "zod"] },
      plugins: [
        {
          name: "page",
          configureServer: (served) => {
            served.middlewares.use("/page", async (_request, response) => {
              response.setHeader("content-type", "text/html");
              response.end(await served.transformIndexHtml("/page", loads));
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

  it("runs an agent as a worker, with tools, a stream and an approval, on a scripted model that says it is one", async () => {
    const { mayfly } = await local.enter();
    const scopes = ["job:work", "job:read", "run:read", "run:write", "cost:write"];
    const { data: key } = await mayfly.keys.create({
      name: "runners",
      scopes: [...scopes, "approval:request", "approval:read"],
    });
    const enrolmentKey = key?.key ?? "";
    const options = { url: local.apiUrl, key: local.publishableKey, enrolmentKey };
    const worker = await page.evaluate(async (project) => {
      const { Mayfly, defineAgent, provideAi, runAgents, tool } = globalThis.sdk;
      const { MockLanguageModelV4, simulateReadableStream } = globalThis.aiTest;
      provideAi(globalThis.ai);
      const usage = {
        inputTokens: { total: 100, noCache: 100, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 10, text: 10, reasoning: 0 },
      };
      const model = new MockLanguageModelV4({
        provider: "scripted",
        modelId: "stand-in",
        doStream: async ({ prompt }) => {
          const answered = prompt.filter(({ role }) => role === "assistant").length;
          const call = ["title", "refund"][answered];
          const text = `I am a scripted stand-in. ${JSON.stringify(prompt.at(-1))}`;
          return {
            stream: simulateReadableStream({
              chunks: [
                ...(call
                  ? [
                      {
                        type: "tool-call" as const,
                        toolCallId: call,
                        toolName: call,
                        input: '{"order":17}',
                      },
                    ]
                  : [
                      { type: "text-start" as const, id: "1" },
                      { type: "text-delta" as const, id: "1", delta: text },
                      { type: "text-end" as const, id: "1" },
                    ]),
                {
                  type: "finish" as const,
                  finishReason: { unified: call ? "tool-calls" : "stop", raw: undefined },
                  usage,
                },
              ],
            }),
          };
        },
      });
      const { z } = globalThis.zod;
      const input = z.object({ order: z.number() });
      const desk = defineAgent({
        name: "desk",
        model,
        tools: {
          title: tool({ input, risk: "read", run: () => globalThis.document.contentType }),
          refund: tool({
            ...{ input, risk: "money", approval: "always" as const },
            run: ({ order }, { attempt }) => ({ refunded: order, attempt }),
          }),
        },
      });
      const inPage = new Mayfly(project);
      const { data: agent, error } = await inPage.spawn({ name: "runs in a page", lifetime: 300 });
      if (error) return error.code;
      const { error: refused } = await agent.work(runAgents(desk));
      return refused?.code ?? agent.id;
    }, options);
    const run = (await mayfly.runs.start("desk", "Refund order 17.")).data;
    const types: string[] = [];
    for await (const { chunk } of run?.stream() ?? []) {
      types.push(chunk.type);
      if (chunk.type !== "tool-approval-request") continue;
      const [asked] = (await mayfly.approvals.list({ mine: true })).data ?? [];
      if (asked) await mayfly.approvals.approve(asked);
    }
    const { data: ended, error } = (await run?.result()) ?? {};
    expect(error).toBeNull();
    expect(ended).toMatchObject({ steps: 3, usage: { inputTokens: 300, outputTokens: 30 } });
    expect(ended?.output).toMatch(/^I am a scripted stand-in\. .*"refunded":17,"attempt":1/);
    expect(types).toContain("text-delta");
    expect(types.at(-1)).toBe("finish");
    const { data: known } = await mayfly.runs.get(run?.id ?? "");
    expect(known?.tools).toMatchObject([
      { tool: "title", status: "succeeded", result: "text/html" },
      { tool: "refund", status: "succeeded", risk: "money" },
    ]);
    const { data: job } = await mayfly.jobs.get(run?.id ?? "");
    expect(job).toMatchObject({ status: "succeeded", holder: worker });
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
