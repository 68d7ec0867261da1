/** `serveJobs` in Deno: what an edge function does when it is called, and who may call it. */
import { cp, readFile, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { defineAgent, type Mayfly } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { configFor, makeProject, type Project } from "../local/functions/project.ts";

const root = join(import.meta.dirname, "../..");
const secret = "the function's own secret";
/** The code of an edge function with these options. All functions have the same handlers. */
const functionOf = (options: object) => `
import { serveJobs } from "@mayfly/sdk";
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const handlers = {
  add: ({ a, b }) => a + b,
  family: async (_, job) => (await job.child("add", { a: 1, b: 2 })).data,
  stuck: () => new Promise(() => {}),
  // This job takes longer than a call with the options of "slices" below.
  steady: async (_, job) => {
    for (let n = 1; n <= 10; n++) await job.step("part " + n, () => later(300));
    return "done";
  },
};
export default { fetch: serveJobs(handlers, ${JSON.stringify(options)}) };`;

/**
 * With these options, a call ends 2 s after it has begun its first job: a sixth of `wallClockMs`. A job counts
 * as stuck if it records no step for 4 s. Even a busy machine records a step in that time.
 */
const slices = { wallClockMs: 12_000, maxJobs: 1 };

/** An agent whose run takes longer than one call. Each of its steps is recorded. */
const agentFunction = `
import { defineAgent, runAgents, serveJobs, tool } from "@mayfly/sdk";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { z } from "zod";
const usage = { inputTokens: { total: 10 }, outputTokens: { total: 1 } };
const model = new MockLanguageModelV4({
  modelId: "scripted",
  doStream: async ({ prompt }) => {
    const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
    const said = step > 10
      ? [{ type: "text-start", id: "1" }, { type: "text-delta", id: "1", delta: "Done." }, { type: "text-end", id: "1" }]
      : [{ type: "tool-call", toolCallId: "call-" + step, toolName: "wait", input: "{}" }];
    const finish = { type: "finish", finishReason: { unified: step > 10 ? "stop" : "tool-calls" }, usage };
    return { stream: simulateReadableStream({ chunks: [...said, finish] }) };
  },
});
const run = () => new Promise((resolve) => setTimeout(resolve, 300, "waited"));
const slow = defineAgent({ name: "slow", model, tools: { wait: tool({ input: z.object({}), run }) } });
export default { fetch: serveJobs(runAgents(slow), ${JSON.stringify(slices)}) };`;

/** Only the function has the model. To start a run, the name of the agent is enough. */
const neverCalled = new MockLanguageModelV4();

let project: Project;
let local: TestLocal;
let mayfly: Mayfly;
let pages: Server;
beforeAll(async () => {
  pages = createServer((_request, response) =>
    response.end("<title>The  Log</title><h1>One <b>row</b></h1><h2>Two</h2><p>Some words."),
  );
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  project = makeProject({
    chores: functionOf({}),
    brief: functionOf({ wallClockMs: 3_000, queues: ["brief"] }),
    slices: functionOf({ ...slices, queues: ["slices"] }),
    few: functionOf({ maxJobs: 2, concurrency: 1, queues: ["few"] }),
    agents: agentFunction,
  });
  await cp(join(root, "examples/jobs-function"), join(project.root, "functions/outline"), {
    recursive: true,
  });
  const api = (await readFile(join(root, "supabase/config.toml"), "utf8")).match(
    /\[api\][\s\S]*?(?=\n\[)/,
  );
  project.write(
    "supabase/config.toml",
    `${configFor(["chores", "brief", "slices", "few", "agents", "outline"])}\n${api?.[0]}\n`,
  );
  project.write(
    "functions/deno.json",
    `{"imports":{"@mayfly/sdk":"npm:@mayfly/sdk@0.2.0","ai/test":"npm:ai@7.0.173/test","zod":"npm:zod@4.6.7"}}`,
  );
  await symlink(join(root, "supabase/migrations"), join(project.root, "supabase/migrations"));
  local = await startTestLocal({ root: project.root, secrets: { MAYFLY_JOBS_SECRET: secret } });
  ({ mayfly } = await local.enter());
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
  project?.remove();
  pages?.close();
});

const call = async (headers: Record<string, string>, name = "chores", body = {}) => {
  const response = await fetch(`${local.apiUrl}/functions/v1/${name}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, ...((await response.json()) as object) };
};
const asProject = () => ({ apikey: local.secretKey });

describe("a function of jobs", () => {
  it("does all jobs, including those that its jobs add, and reports them", async () => {
    const one = dataOf(await mayfly.jobs.add("add", { a: 2, b: 3 }));
    const other = dataOf(await mayfly.jobs.add("family"));
    expect(await call(asProject())).toEqual({
      status: 200,
      data: { done: 3, returned: 0, more: false },
      error: null,
    });
    expect(dataOf(await mayfly.jobs.get(one.id))).toMatchObject({ status: "succeeded", result: 5 });
    expect(dataOf(await mayfly.jobs.get(other.id)).result).toBe(3);
  });

  it("ends before its time limit, and fails a job that has recorded nothing", async () => {
    const stuck = dataOf(await mayfly.jobs.add("stuck", {}, { maxAttempts: 1, queue: "brief" }));
    expect(await call(asProject(), "brief")).toMatchObject({ status: 200, data: { more: true } });
    // If this call claimed the job late, the job fails only in the next call.
    expect(dataOf(await mayfly.jobs.ended(stuck.id, { timeoutMs: 30_000 }))).toMatchObject({
      status: "failed",
      error: { code: "call_over", message: expect.stringContaining("steps") },
    });
  });

  it("gives a job with steps to its next call, which continues after the last one", async () => {
    const steady = dataOf(await mayfly.jobs.add("steady", {}, { maxAttempts: 1, queue: "slices" }));
    expect(await call(asProject(), "slices")).toMatchObject({
      status: 200,
      data: { done: 0, returned: 1, more: true },
    });
    // Nobody else calls the function again: it called itself before it ended.
    const ended = dataOf(await mayfly.jobs.ended(steady.id, { timeoutMs: 30_000 }));
    expect(ended).toMatchObject({ status: "succeeded", result: "done", attempts: [] });
    expect(ended.steps).toHaveLength(10);
  });

  it("runs an agent in slices: each call continues after the last record, and pays nothing twice", async () => {
    const slow = defineAgent({ name: "slow", model: neverCalled });
    const started = dataOf(await mayfly.runs.start(slow, "Wait."));
    expect(await call(asProject(), "agents")).toMatchObject({
      data: { done: 0, returned: 1, more: true },
    });
    expect(dataOf(await started.result({ timeoutMs: 30_000 }))).toMatchObject({
      output: "Done.",
      steps: 11,
    });
    const { calls, tools } = dataOf(await mayfly.runs.get(started.id));
    expect(calls).toHaveLength(11);
    expect(tools.map(({ status }) => status)).toEqual(Array(10).fill("succeeded"));
    expect(dataOf(await mayfly.jobs.get(started.id)).attempts).toEqual([]);
  });

  it("begins as many jobs as its options say, and leaves the others to its next call", async () => {
    const added = dataOf(
      await mayfly.jobs.add(
        [1, 2, 3, 4, 5].map((a) => ({ name: "add", input: { a, b: 0 }, queue: "few" })),
      ),
    );
    expect(await call(asProject(), "few")).toMatchObject({ data: { done: 2, more: true } });
    for (const [at, { id }] of added.entries())
      expect(dataOf(await mayfly.jobs.ended(id, { timeoutMs: 30_000 })).result).toBe(at + 1);
  });

  it("is woken by any worker that knows its name", async () => {
    const { id } = dataOf(await mayfly.jobs.add("add", { a: 20, b: 22 }));
    const onError = vi.fn();
    const work = dataOf(
      await mayfly.jobs.work({ another: () => 1 }, { wakes: "chores", onError, pollMs: 60_000 }),
    );
    expect(dataOf(await mayfly.jobs.ended(id, { timeoutMs: 30_000 })).result).toBe(42);
    await work.stop();
    expect(onError).not.toHaveBeenCalled();
  });

  it("outlines a page, as in the example", async () => {
    const url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`;
    const { id } = dataOf(await mayfly.jobs.add("outline", { url }));
    expect(await call({ "x-mayfly-jobs-secret": secret }, "outline")).toMatchObject({
      data: { done: 1, more: false },
    });
    const { result, steps } = dataOf(await mayfly.jobs.get(id));
    expect(result).toEqual({ title: "The Log", headings: ["One row", "Two"], minutes: 1 });
    expect(steps.map(({ name }) => name)).toEqual(["load"]);
  });

  it("refuses callers without the secret key or its own secret", async () => {
    const strangers = [
      {},
      { apikey: local.publishableKey },
      { authorization: `Bearer ${local.publishableKey}` },
      { "x-mayfly-jobs-secret": "another" },
      { apikey: "" },
    ];
    for (const headers of strangers)
      expect(await call(headers as Record<string, string>)).toMatchObject({
        status: 401,
        data: null,
        error: { code: "not_authorized" },
      });
    for (const headers of [asProject(), { authorization: `Bearer ${secret}` }])
      expect(await call(headers)).toMatchObject({ status: 200 });
  });
});
