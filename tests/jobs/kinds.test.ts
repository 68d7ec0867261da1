/** Jobs defined by schemas. Invalid values are refused, and the error names the field. */
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});
const fast = { pollMs: 200, drainOnTermination: false };
const define = () =>
  mayfly.jobs.define({
    outline: {
      input: z.object({ url: z.url(), depth: z.number().default(1) }),
      result: z.object({ headings: z.array(z.string()) }),
    },
    free: {},
  });

describe("jobs that are defined", () => {
  it("refuse an unknown name or an invalid input, name the field, and add nothing", async () => {
    const jobs = define();
    const unknown = await jobs.add("outlive" as "outline", { url: "https://a.example", depth: 1 });
    expect(unknown.error).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("outline, free"),
      details: { field: "name" },
    });
    expect((await jobs.add("outline", { url: "nowhere", depth: 1 })).error?.details).toEqual({
      field: "input.url",
    });
    const deep = { url: "https://a.example", depth: "3" as never };
    expect((await jobs.add("outline", deep)).error?.details).toEqual({ field: "input.depth" });
    const daily = { cron: "@daily", job: "outline" as const };
    expect((await jobs.schedule("daily", daily)).error?.details).toEqual({ field: "input.url" });
    const other = { cron: "@daily", job: "other" as "outline" };
    expect((await jobs.schedule("daily", other)).error?.details).toEqual({ field: "job" });
    const never = { cron: "0 0 31 4 *", job: "free" as const };
    expect((await jobs.schedule("never", never)).error?.details).toEqual({ field: "cron" });
    expect(dataOf(await mayfly.jobs.list())).toEqual([]);
    expect(dataOf(await mayfly.jobs.schedules.list())).toEqual([]);
  });

  it("run with valid inputs and defaults, fail for good with invalid ones, and keep large results as artifacts", async () => {
    const jobs = define();
    const work = dataOf(
      await mayfly.jobs.work(
        jobs.handlers({
          outline: ({ url, depth }) => ({
            headings: url.includes("bad") ? [7 as unknown as string] : [`${url} ${depth}`],
          }),
          free: () => "x".repeat(262_144),
        }),
        fast,
      ),
    );
    const good = dataOf(await jobs.add("outline", { url: "https://a.example" }));
    expect(dataOf(await mayfly.jobs.ended(good.id)).result).toEqual({
      headings: ["https://a.example 1"],
    });
    // A caller without the schema adds this job.
    const wrong = dataOf(await mayfly.jobs.add("outline", { url: 7 }));
    const bad = dataOf(await jobs.add("outline", { url: "https://bad.example", depth: 1 }));
    for (const [id, field] of [
      [wrong.id, "input.url"],
      [bad.id, "result.headings.0"],
    ] as const)
      expect(dataOf(await mayfly.jobs.ended(id))).toMatchObject({
        status: "failed",
        attempt: 1,
        error: { code: "invalid_request", message: expect.stringContaining(field) },
      });
    const large = dataOf(await jobs.add("free", {}));
    expect(dataOf(await mayfly.jobs.ended(large.id))).toMatchObject({
      status: "succeeded",
      result: { artifact: expect.any(String), size: 262_146 },
    });
    await work.stop();
  });
});
