/** `mayfly jobs`, `redrive`, `cancel` and `schedules`, as a person calls them. */
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli, startCli } from "../cli/run.ts";

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
const env = () => ({
  MAYFLY_URL: local.apiUrl,
  MAYFLY_KEY: local.secretKey,
  MAYFLY_TENANT: tenant,
});
const run = (...given: string[]) => runCli(given, { env: env() });

describe("mayfly jobs", () => {
  it("lists jobs, shows one as a tree, redrives, cancels, and names schedules", async () => {
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
    expect(tree.out).toMatch(/├ attempt 1 by the secret key .*no such page/);
    expect(tree.out).toMatch(/└ result null/);
    expect(JSON.parse((await run("redrive", id, "--json")).out)).toEqual({ redriven: 1 });
    expect((await run("cancel", later?.id ?? "")).out).toContain("1 job cancelled");
    expect((await run("schedules")).out).toMatch(/nightly {2}0 3 \* \* \* UTC {2}bad/);
  });

  it("finds jobs by their attributes and shows them", async () => {
    const attributes = { customer: "acme", plan: "Team XL", orders: 3 };
    const [{ id } = { id: "" }] = dataOf(
      await mayfly.jobs.add([
        { name: "later", delay: "1h", attributes },
        { name: "later", delay: "1h", attributes: { customer: "globex" } },
      ]),
    );
    const shown = 'customer:acme orders:3 plan:"Team XL"';
    const found = await run("jobs", "--where", "customer:acme", "--where", "orders:3");
    expect(found.out.trim().split("\n")).toEqual([expect.stringContaining(shown)]);
    expect((await run("jobs", "--where", shown)).out).toContain(id);
    expect((await run("jobs", id)).out).toContain(shown);
    expect((await run("jobs", "--where", "customer:nobody")).out).toContain("There are no jobs.");
    const wrong = await run("jobs", "--where", "acme");
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("customer:acme") });
    for (const list of ["runs", "workflows"])
      expect((await run(list, "--where", "customer:acme")).out).toContain("There are no runs.");
  });

  it("names the agent that has a job", async () => {
    const agent = dataOf(await mayfly.spawn({ name: "digger", lifetime: 60 }));
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    dataOf(
      await agent.jobs.work({
        dig: () => {
          begun.resolve();
          return over.promise;
        },
      }),
    );
    const { id } = dataOf(await mayfly.jobs.add("dig"));
    await begun.promise;
    expect((await run("jobs", id)).out).toContain("├ runs by digger\n");
    over.resolve();
    dataOf(await mayfly.jobs.ended(id, { timeoutMs: 20_000 }));
    await agent.stop();
  });

  it("shows the backlog of queues, and how long jobs waited and ran", async () => {
    const { queues } = JSON.parse((await run("jobs", "--queues", "--json")).out);
    const bad = queues.find(({ queue }: { queue: string }) => queue === "bad");
    expect(bad).toMatchObject({ ready: 1, running: 0, wait: { p99: null } });
    const { out } = await run("jobs", "--queues", "--queue", "later");
    expect(out).toMatch(/^queue +ready +oldest/);
    expect(out).toMatch(/\nlater +0 /);
    expect(out).not.toContain("bad");
  });

  it("shows changes until it is stopped", async () => {
    const watching = startCli(["jobs", "--watch", "--queue", "watched"], { env: env() });
    const { id } = dataOf(await mayfly.jobs.add("watched"));
    await watching.printed(new RegExp(`${id} {2}ready`));
    await mayfly.jobs.cancel(id);
    await watching.printed(new RegExp(`${id} {2}cancelled`));
    watching.child.kill("SIGINT");
    expect((await watching.ended).code).toBe(130);
  });
});

describe("mayfly schedules", () => {
  it("sets a schedule, lists it, and removes it", async () => {
    const set = await run(
      ...["schedules", "set", "often", "*/5 * * * *", "sweep", "--time-zone", "Europe/Berlin"],
      ...["--input", '{"deep":true}', "--priority", "3", "--overlap", "allow", "--json"],
    );
    expect(JSON.parse(set.out)).toMatchObject({
      name: "often",
      cron: "*/5 * * * *",
      timeZone: "Europe/Berlin",
      job: "sweep",
      input: { deep: true },
      options: { priority: 3 },
      overlap: "allow",
    });
    expect((await run("schedules")).out).toMatch(
      /often {2}\*\/5 \* \* \* \* Europe\/Berlin {2}sweep/,
    );
    expect((await run("schedules", "set", "often", "@daily", "sweep", "--paused")).out).toMatch(
      /often {2}@daily UTC {2}sweep {2}paused/,
    );
    expect((await run("schedules", "remove", "often")).out).toContain(
      "The schedule often was removed.",
    );
    expect((await run("schedules")).out).not.toContain("often");
  });

  it("says what is wrong: a line that never fires, an input that is not JSON, an unknown name", async () => {
    const never = await run("schedules", "set", "x", "0 0 30 2 *", "sweep");
    expect(never).toMatchObject({ code: 1 });
    expect(never.err).toContain("cron describes a time that never comes");
    const input = await run("schedules", "set", "x", "@daily", "sweep", "--input", "{");
    expect(input).toMatchObject({ code: 2, err: expect.stringContaining("--input is not JSON") });
    const gone = await run("schedules", "remove", "nobody");
    expect(gone).toMatchObject({ code: 1, err: expect.stringContaining("no schedule nobody") });
  });
});
