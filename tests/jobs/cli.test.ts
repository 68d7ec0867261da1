/** `mayfly jobs`, `redrive`, `cancel` and `schedules`, as a person calls them. */
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});
const run = (...given: string[]) =>
  runCli(given, {
    env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
  });

describe("mayfly jobs", () => {
  it("lists them, shows one as a tree, redrives, cancels, and names schedules", async () => {
    const work = dataOf(
      await mayfly.jobs.work(
        {
          bad: async (_: unknown, job) => {
            await job.step("look", () => 7);
            throw Object.assign(new Error("no such page"), { retryable: false });
          },
        },
        { pollMs: 100, drainOnTermination: false },
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("bad", { url: "x" }));
    dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000 }));
    await work.stop();
    const [later] = dataOf(await mayfly.jobs.add([{ name: "later", delay: "1h" }]));
    dataOf(await mayfly.jobs.schedules.set("nightly", { cron: "0 3 * * *", job: "bad" }));

    const failed = await run("jobs", "--status", "failed");
    expect(failed.out).toContain(id);
    expect(failed.out).toContain("no such page");
    expect(failed.out).not.toContain(later?.id);
    const tree = await run("jobs", id);
    expect(tree.out).toMatch(/├ step look .*7/);
    expect(tree.out).toMatch(/└ result null/);
    expect(JSON.parse((await run("redrive", id, "--json")).out)).toEqual({ redriven: 1 });
    expect((await run("cancel", later?.id ?? "")).out).toContain("1 job cancelled");
    expect((await run("schedules")).out).toMatch(/nightly {2}0 3 \* \* \* UTC {2}bad/);
  });
});
