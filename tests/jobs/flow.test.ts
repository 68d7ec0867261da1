/** Waits and children of jobs in the SDK, and a fleet for all tenants. */
import { type Agent, type HeldJob, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
  return async () => {
    await mayfly.close({ stopAgents: true });
  };
});

const fast = { pollMs: 200, drainOnTermination: false };
const ended = async <T = unknown>(id: string, by: { jobs: Mayfly["jobs"] } = mayfly) =>
  dataOf(await by.jobs.ended<T>(id, { timeoutMs: 60_000, pollMs: 50 }));

describe("a job", () => {
  it("sleeps, waits for signals, and continues where it stopped, also on another worker", async () => {
    const begun: number[] = [];
    const handlers = {
      order: async (_: unknown, job: HeldJob) => {
        begun.push(job.attempt);
        await job.sleep(0.05);
        const paid = await job.waitFor<{ sum: number }>(["paid", "cancelled"], { timeout: "1h" });
        const late = await job.waitFor("never", { timeout: 0.05 });
        return { signal: paid.signal, sum: paid.payload?.sum, timedOut: late.timedOut };
      },
    };
    const work = dataOf(await agent.work(handlers, fast));
    const { id } = dataOf(await mayfly.jobs.add("order"));
    for (let waits = false; !waits; await new Promise((resolve) => setTimeout(resolve, 20)))
      waits = dataOf(await mayfly.jobs.get(id)).waitFor?.includes("paid") ?? false;
    await work.stop();
    const other = await spawnIn(mayfly, { lifetime: 300 });
    dataOf(await other.work(handlers, fast));
    expect(dataOf(await mayfly.jobs.signal(id, "paid", { sum: 12 }))).toEqual({ woken: true });
    expect((await ended(id)).result).toEqual({ signal: "paid", sum: 12, timedOut: true });
    // A wait whose time has already passed ends at once, but the wait for the signal makes the job sleep.
    expect(begun.length).toBeGreaterThan(1);
  });

  it("adds a child once, waits for its end, and gets an error if the child failed", async () => {
    dataOf(
      await agent.work(
        {
          parent: async (_: unknown, job: HeldJob) => {
            const one = await job.child<number>("square", { n: 7 });
            const two = await job.child("bad", {}, { maxAttempts: 1 });
            return { one: one.data, two: two.error?.code };
          },
          square: ({ n }: { n: number }) => n * n,
          bad: () => {
            throw new Error("no");
          },
        },
        fast,
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("parent"));
    const job = await ended(id);
    expect(job.result).toEqual({ one: 49, two: "job_failed" });
    expect(job.children.map(({ name, status }) => [name, status])).toEqual(
      expect.arrayContaining([
        ["square", "succeeded"],
        ["bad", "failed"],
      ]),
    );
  });
});

describe("the debug stream of an agent", () => {
  it("shows its jobs, each of their steps, and whether a step was already recorded", async () => {
    const told: { category: string; name: string; data: unknown }[] = [];
    const { data: watch } = await mayfly.debug.watch({}, ({ category, name, data }) =>
      told.push({ category, name, data }),
    );
    const watched = await spawnIn(mayfly, { lifetime: 300 });
    let fails = true;
    const work = dataOf(
      await watched.work(
        {
          build: async (_: unknown, job: HeldJob) => {
            await job.step("compile", () => 1);
            if (fails) {
              fails = false;
              throw new Error("no disk");
            }
            return job.step("link", () => 2);
          },
        },
        fast,
      ),
    );
    const { id } = dataOf(await mayfly.jobs.add("build", {}, { backoff: { base: 0 } }));
    await ended(id);
    const of = (name: string) => told.filter((record) => record.name === name);
    await expect.poll(() => of("job build: ended").length, { timeout: 20_000 }).toBe(2);
    expect(of("job build")).toMatchObject([
      { category: "task", data: { id, attempt: 1 } },
      { category: "task", data: { id, attempt: 2 } },
    ]);
    expect(of("job build: compile")).toMatchObject([
      { category: "step", data: { id, attempt: 1, known: false } },
      { category: "step", data: { id, attempt: 2, known: true } },
    ]);
    expect(of("job build: link")).toMatchObject([{ data: { attempt: 2, known: false } }]);
    expect(of("job build: ended")).toMatchObject([
      { data: { code: "failed", message: "no disk" } },
      { data: { outcome: "succeeded" } },
    ]);
    await work.stop();
    await watch?.stop();
  });
});

describe("a fleet of the secret key", () => {
  it("works for every tenant", async () => {
    const { mayfly: second } = await local.enter();
    const ids = [];
    for (const of of [mayfly, second]) ids.push(dataOf(await of.jobs.add("count", { n: 1 })).id);
    const fleet = new Mayfly({ url: local.apiUrl, key: local.secretKey });
    const tenants = new Set<string>();
    const work = dataOf(
      await fleet.jobs.work(
        {
          count: async ({ n }: { n: number }, job: HeldJob) => {
            tenants.add(job.tenantId);
            return job.step("add", () => n + 1);
          },
        },
        fast,
      ),
    );
    expect((await ended(ids[0] ?? "")).result).toBe(2);
    expect((await ended(ids[1] ?? "", second)).result).toBe(2);
    expect(tenants.size).toBe(2);
    await work.stop();
    await fleet.close();
    await second.close();
  });
});
