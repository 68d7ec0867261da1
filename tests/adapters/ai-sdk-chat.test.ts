/** The chat page of the examples as a person uses it: real `useChat`, a real browser, a scripted model. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, type Mayfly, runAgents } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";
import { serveChat } from "../../examples/chat/server.ts";
import { partsOf } from "../runs/running.ts";

const words = Array.from({ length: 60 }, (_, n) => `word${n}`).join(" ");
let go = () => {};
let gate = Promise.resolve();
const pause = () => {
  gate = new Promise((resolve) => {
    go = resolve;
  });
};
const prompts: string[] = [];

/** A scripted model that says 60 words, and waits in the middle until the test lets it continue. */
const talker = defineAgent({
  name: "talker",
  model: new MockLanguageModelV4({
    doStream: async ({ prompt }) => {
      prompts.push(JSON.stringify(prompt));
      const parts = partsOf(1, words);
      let sent = 0;
      return {
        stream: new ReadableStream({
          async pull(controller) {
            if (sent === 30) await gate;
            const part = parts[sent++];
            if (part) controller.enqueue(part);
            else controller.close();
          },
        }),
      };
    },
  }),
});

describe.skipIf(!chromiumPath)("the chat page", () => {
  let local: TestLocal;
  let mayfly: Mayfly;
  let work: { stop(): Promise<unknown> } | null;
  let chat: { url: string; close(): Promise<void> };
  let browser: TestBrowser;
  let page: Page;
  let cache: string;
  const problems: string[] = [];

  beforeAll(async () => {
    local = await startTestLocal();
    ({ mayfly } = await local.enter());
    work = dataOf(await mayfly.jobs.work(runAgents(talker), { pollMs: 100 }));
    cache = await mkdtemp(join(tmpdir(), "mayfly-vite-"));
    chat = await serveChat({ mayfly, agent: talker, port: 0, cacheDir: cache });
    browser = await openBrowser();
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (said) => said.type() === "error" && problems.push(said.text()));
    await page.goto(chat.url);
    await page.getByLabel("Message").waitFor();
  }, 180_000);
  afterAll(async () => {
    go();
    await browser?.close();
    await chat?.close();
    await work?.stop();
    await mayfly?.close();
    await local?.close();
    if (cache) await rm(cache, { recursive: true, force: true });
  });

  const said = (role: string) => page.locator(`li[data-role="${role}"]`).allTextContents();
  const say = async (text: string) => {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const isReady = () => page.locator('main[data-status="ready"]').waitFor();

  it("shows the whole answer once, even after a reload in the middle of the answer", async () => {
    pause();
    await say("Why did order 17 fail?");
    await page.getByText("word20").waitFor();
    expect(await said("assistant")).not.toEqual([words]);
    await page.reload();
    // The model still waits, so this was streamed before and comes from the database.
    await page.getByText("word20").waitFor();
    expect(await said("user")).toEqual(["Why did order 17 fail?"]);
    go();
    await isReady();
    await expect.poll(() => said("assistant")).toEqual([words]);
    expect(prompts).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  it("continues a conversation from the database, and shows it again after it has ended", async () => {
    await page.goto(`${chat.url}?chat=second`);
    await say("Why did order 17 fail?");
    await expect.poll(() => said("assistant")).toEqual([words]);
    await isReady();
    await say("And order 18?");
    await expect.poll(() => said("assistant")).toEqual([words, words]);
    await isReady();
    const last = prompts.at(-1) ?? "";
    expect(last).toMatch(/Why did order 17 fail\?.*word0 word1.*And order 18\?/);
    await page.reload();
    await expect.poll(() => said("assistant")).toEqual([words, words]);
    expect(await said("user")).toEqual(["Why did order 17 fail?", "And order 18?"]);
    expect(problems).toEqual([]);
  });

  it("stops the run, not only its stream", async () => {
    await page.goto(`${chat.url}?chat=third`);
    pause();
    await say("Talk for ever.");
    await page.getByText("word20").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    // The model still waits: if it continued now, it could end before the request to stop arrives.
    const statusOf = async () => dataOf(await mayfly.runs.list({ limit: 1 }))[0]?.status;
    await expect.poll(statusOf, { timeout: 30_000 }).toBe("cancelled");
    go();
    await isReady();
    expect(problems).toEqual([]);
  });

  it("gives the page no key, and refuses a body that is not a message", async () => {
    const send = (body: unknown) =>
      fetch(`${chat.url}api/chat`, { method: "POST", body: JSON.stringify(body) });
    expect((await send({ id: "../x", message: {} })).status).toBe(400);
    expect((await send({ id: "x", message: { id: "1", parts: [] } })).status).toBe(400);
    const { status } = await fetch(`${chat.url}api/chat/unknown/stream`);
    expect(status).toBe(204);
    expect(await page.content()).not.toContain(local.secretKey);
  });
});
