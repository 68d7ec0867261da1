/** A worker of the SDK on the embedded Supabase: jobs, steps, waits, children, retries and the end. */
import type { Agent, HeldJob, Mayfly, MayflyError } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
  return async () => {
    await mayfly.close({ stopAgents: true });
  };
});

const fast = { pollMs: 200, drainOnTermination: false };
const ended = async <T = unknown>(id: string, by: { jobs: Mayfly["jobs"] } = mayfly) =>
  dataOf(await by.jobs.ended<T>(id, { timeoutMs: 60_000, pollMs: 50 }));

describe("a worker", () => {
  it("does jobs added before and after its start, many in one call", async () => {
    const before = dataOf(
      await mayfly.jobs.add([
        { name: "double", input: { n: 1 } },
        { name: "double", input: { n: 2 } },
      ]),
    );
    const work = dataOf(await agent.work({ double: ({ n }: { n: number }) => n * 2 }, fast));
    const after = dataOf(await agent.jobs.add("double", { n: 3 }, { key: "three", priority: -1 }));
    expect(after.existing).toBe(false);
    const results = [];
    for (const { id } of [...before, after]) results.push((await ended<number>(id)).result);
    expect(results).toEqual([2, 4, 6]);
    await work.stop();
    expect(work.done).toBe(3);
    expect(await work.ended).toBeNull();
    expect(dataOf(await mayfly.jobs.statistics())).toMatchObject([
      { queue: "double", succeeded: 3, running: 0 },
    ]);
  });

  it("leaves jobs without a handler alone", async () => {
    const [other] = dataOf(await mayfly.jobs.add([{ name: "other" }, { name: "mine" }]));
    const work = dataOf(await agent.work({ mine: () => 1 }, fast));
    const [mine] = dataOf(await mayfly.jobs.list({ name: "mine" }));
    await ended(mine?.id ?? "");
    expect(dataOf(await mayfly.jobs.get(other?.id ?? "")).status).toBe("ready");
    await work.stop();
  });

  it("retries a job that throws, tells onError, and gives up on a permanent error", async () => {
    const seen: number[] = [];
    const told: string[] = [];
    const work = dataOf(
      await agent.work(
        {
          flaky: (_: unknown, job: HeldJob) => {
            seen.push(job.attempt);
            if (job.attempt < 3) throw new Error(`no ${job.attempt}`);
            return "yes";
          },
          hopeless: () => {
            throw Object.assign(new Error("never"), { code: "no_way", retryable: false });
          },
        },
        { ...fast, onError: ({ message }) => told.push(message) },
      ),
    );
    const backoff = { base: 0.01, factor: 1 };
    const [flaky, hopeless] = dataOf(
      await mayfly.jobs.add([{ name: "flaky", backoff }, { name: "hopeless" }]),
    );
    expect((await ended(flaky?.id ?? "")).result).toBe("yes");
    expect(seen).toEqual([1, 2, 3]);
    expect(await ended(hopeless?.id ?? "")).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "no_way", message: "never" },
    });
    expect(told).toEqual(expect.arrayContaining(["no 1", "no 2", "never"]));
    await work.stop();
  });

  it("records a step once, whichever attempt does it, and then only reads it", async () => {
    const effects: string[] = [];
    const work = dataOf(
      await agent.work(
        {
          pay: async (_: unknown, job: HeldJob) => {
            const first = await job.step("one", ({ idempotencyKey }) =>
              effects.push(idempotencyKey),
            );
            const all = await Promise.all(
              ["a", "b", "c"].map((name) => job.step(name, () => name)),
            );
            if (job.attempt === 1) throw new Error("after the steps");
            return { first, all };
          },
        },
        fast,
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("pay", {}, { backoff: { base: 0 } }));
    const job = await ended(id);
    expect(job.result).toEqual({ first: 1, all: ["a", "b", "c"] });
    expect(effects).toEqual([`${id}/one`]);
    expect(job.steps.map(({ name, attempt }) => [name, attempt])).toEqual(
      expect.arrayContaining([
        ["one", 1],
        ["a", 1],
        ["b", 1],
        ["c", 1],
      ]),
    );
    expect(job.attempts).toMatchObject([{ attempt: 1, error: { message: "after the steps" } }]);
    await work.stop();
  });

  it("refuses two steps of the same name, and keeps a result over 256 KB as an artifact", async () => {
    const work = dataOf(
      await agent.work(
        {
          twice: async (_: unknown, job: HeldJob) => {
            await job.step("s", () => 1);
            await job.step("s", () => 2);
          },
          large: () => "x".repeat(300_000),
        },
        fast,
      ),
    );
    const [twice, large] = dataOf(
      await mayfly.jobs.add([{ name: "twice", maxAttempts: 1 }, { name: "large" }]),
    );
    expect((await ended(twice?.id ?? "")).error).toMatchObject({ code: "invalid_request" });
    expect(await ended(large?.id ?? "")).toMatchObject({
      status: "succeeded",
      result: { artifact: expect.any(String), size: 300_002 },
    });
    await work.stop();
  });

  it("learns of a cancelled job at its next write, and ends it", async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    let code: unknown;
    const work = dataOf(
      await agent.work(
        {
          long: async (_: unknown, job: HeldJob) => {
            begun.resolve();
            await go.promise;
            await job
              .step("s", () => 1)
              .catch((error: MayflyError) => {
                code = error.code;
                throw error;
              });
          },
        },
        fast,
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("long"));
    await begun.promise;
    expect(dataOf(await mayfly.jobs.cancel(id))).toEqual({ cancelled: 0, cancelling: 1 });
    go.resolve();
    expect((await ended(id)).status).toBe("cancelled");
    expect(code).toBe("job_cancelled");
    await work.stop();
  });

  it("gives back unfinished jobs when it is stopped, so that another can do them at once", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const work = dataOf(
      await agent.work(
        {
          stuck: async (_: unknown, job: HeldJob) => {
            begun.resolve(job.signal);
            await new Promise((_, reject) =>
              job.signal.addEventListener("abort", () => reject(job.signal.reason)),
            );
          },
        },
        fast,
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("stuck", {}, { maxAttempts: 1 }));
    const signal = await begun.promise;
    await work.stop({ timeoutMs: 10 });
    expect(signal.aborted).toBe(true);
    const other = await spawnIn(mayfly, { lifetime: 300 });
    dataOf(await other.work({ stuck: () => "done" }, fast));
    expect(await ended(id)).toMatchObject({ status: "succeeded", result: "done", attempt: 2 });
  });

  it("ends with its agent, and the job goes to another worker", async () => {
    const begun = Promise.withResolvers<void>();
    const work = dataOf(
      await agent.work(
        {
          slow: async (_: unknown, job: HeldJob) => {
            begun.resolve();
            await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
            await job.step("late", () => 1);
          },
        },
        { ...fast, lease: 3 },
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("slow"));
    await begun.promise;
    await local.sql`update mayfly.agents set status = 'stopped' where id = ${agent.id}`;
    const other = await spawnIn(mayfly, { lifetime: 300 });
    dataOf(await other.work({ slow: () => "by another" }, fast));
    expect((await ended(id)).result).toBe("by another");
    expect((await work.ended)?.code).toMatch(/not_authorized|agent_not_alive/);
    expect(dataOf(await mayfly.jobs.get(id)).steps).toEqual([]);
  });

  it("is woken when there is work, long before its next poll", async () => {
    const work = dataOf(
      await agent.work({ quick: () => 1 }, { pollMs: 600_000, drainOnTermination: false }),
    );
    // Waits until the worker sleeps, as its row says.
    for (
      let sleeping = 0;
      sleeping === 0;
      await new Promise((resolve) => setTimeout(resolve, 20))
    ) {
      const [row] =
        await local.sql`select count(*)::int from mayfly_private.job_workers where tenant_id = ${tenant} and until > now()`;
      sleeping = row?.count as number;
    }
    for (let n = 0; n < 3; n++) {
      const { id } = dataOf(await mayfly.jobs.add("quick"));
      expect((await ended(id)).status).toBe("succeeded");
    }
    await work.stop();
  });

  it("ends without the scope job:work, and says so on the console if there is no onError", async () => {
    const reader = await spawnIn(mayfly, { scopes: ["job:read"], lifetime: 300 });
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const silent = dataOf(await reader.work({ nothing: () => null }, fast));
      expect(await silent.ended).toMatchObject({ code: "scope_missing" });
      expect(printed.mock.calls).toEqual([
        [
          expect.stringContaining("A worker of jobs"),
          expect.objectContaining({ code: "scope_missing" }),
        ],
      ]);
      const onError = vi.fn();
      const told = dataOf(await reader.work({ nothing: () => null }, { ...fast, onError }));
      await told.ended;
      expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: "scope_missing" }));
      expect(printed).toHaveBeenCalledTimes(1);
    } finally {
      printed.mockRestore();
    }
  });

  it("refuses invalid options, and names the field", async () => {
    for (const [field, options] of Object.entries({
      concurrency: { concurrency: 0 },
      lease: { lease: 1 },
      pollMs: { pollMs: 0 },
    }))
      expect((await agent.work({ a: () => 1 }, options)).error).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
    expect((await agent.work({})).error?.details).toEqual({ field: "handlers" });
    expect((await mayfly.jobs.add("a", {}, { delay: "soon" })).error).toMatchObject({
      code: "invalid_request",
      details: { field: "delay" },
    });
    expect((await mayfly.jobs.get(crypto.randomUUID())).error?.code).toBe("job_unknown");
  });
});
