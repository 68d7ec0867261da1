import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, inTenant, makePerson, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  add,
  claim,
  claimOne,
  complete,
  fail,
  jobOf,
  letTick,
  makeWorker,
  makeWorkTenant,
  statusOf,
} from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

async function setUp() {
  const tenant = await makeWorkTenant(db.sql);
  const worker = await makeWorker(db.sql, tenant);
  return { tenant, worker, claims: worker.claims };
}

describe("adding jobs", () => {
  it("gives each its id, and one with a known key the id of the job there is", async () => {
    const { claims, tenant } = await setUp();
    const first = await add(db.sql, claims, [
      { name: "a", key: "one", input: { n: 1 } },
      { name: "a", key: "one", input: { n: 2 } },
      { name: "b" },
    ]);
    expect(first.map((job) => job.existing)).toEqual([false, true, false]);
    expect(first[1]?.id).toBe(first[0]?.id);
    const again = await add(db.sql, claims, [{ name: "a", key: "one" }]);
    expect(again).toEqual([{ id: first[0]?.id, existing: true }]);
    expect(await jobOf(db.sql, tenant, first[0]?.id ?? "")).toMatchObject({ input: { n: 1 } });
  });

  it("knows a key after its job has ended, and as long as that is kept", async () => {
    const { claims } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a", key: "one" }]);
    const { lease } = await claimOne(db.sql, claims);
    await complete(db.sql, claims, [{ lease }]);
    expect(await add(db.sql, claims, [{ name: "a", key: "one" }])).toEqual([
      { id: job?.id, existing: true },
    ]);
    await db.sql`update mayfly.finished_jobs set finished_at = '2000-01-01' where id = ${job?.id ?? ""}`;
    await db.sql`select mayfly_private.maintain_jobs(tenant_id, 100) from mayfly.finished_jobs where id = ${job?.id ?? ""}`;
    expect((await add(db.sql, claims, [{ name: "a", key: "one" }]))[0]?.existing).toBe(false);
  });

  const faults: [string, Record<string, unknown>][] = [
    ["name", { name: "not a name" }],
    ["name", { input: 1 }],
    ["name", { name: 7 }],
    ["queue", { name: "a", queue: "a/b" }],
    ["input", { name: "a", input: "x".repeat(262_145) }],
    ["input", { name: "a", input: Array.from({ length: 40 }).reduce((inner) => [inner], 1) }],
    ["group", { name: "a", group: "" }],
    ["priority", { name: "a", priority: 0.5 }],
    ["run_at", { name: "a", run_at: "tomorrow" }],
    ["delay", { name: "a", delay: -1 }],
    ["delay", { name: "a", delay: 1, run_at: "2030-01-01T00:00:00Z" }],
    ["key", { name: "a", key: "" }],
    ["max_attempts", { name: "a", max_attempts: 0 }],
    ["timeout", { name: "a", timeout: 0 }],
    ["deadline", { name: "a", deadline: "late" }],
    ["backoff", { name: "a", backoff: { base: -1 } }],
    ["backoff", { name: "a", backoff: { bases: 1 } }],
    ["backoff", { name: "a", backoff: "fast" }],
    ["target", { name: "a", target: { agent: "me" } }],
    ["target", { name: "a", target: { type: "x", agent: randomUUID() } }],
    ["target", { name: "a", target: { capabilities: [] } }],
    ["target", { name: "a", target: "me" }],
    ["answers", { name: "a", answers: "x" }],
    ["colour", { name: "a", colour: "red" }],
  ];
  it.each(faults)("refuses a wrong %s by its field (%#)", async (field, job) => {
    const { claims, tenant } = await setUp();
    const refusal = await refusalOf(add(db.sql, claims, [{ name: "fine" }, job]));
    expect(refusal).toMatchObject({ code: "invalid_request", details: { index: 1, field } });
    const [row] = await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant}`;
    expect(row?.count).toBe(0);
  });

  it("refuses no array, none, and more than a thousand", async () => {
    const { claims } = await setUp();
    for (const jobs of [{}, [], Array.from({ length: 1001 }, () => ({ name: "a" }))])
      expect(await refusalOf(add(db.sql, claims, jobs as never))).toMatchObject({
        code: "invalid_request",
        details: { field: "jobs" },
      });
  });

  it("charges the tenant, and what was charged comes back when the job is deleted", async () => {
    const { claims, tenant } = await setUp();
    const used = async () =>
      Number(
        (
          await db.sql`select sum(bytes) from mayfly_private.tenant_usage where tenant_id = ${tenant}`
        )[0]?.sum,
      );
    const before = await used();
    await add(db.sql, claims, [{ name: "a", input: { text: "x".repeat(1000) } }]);
    const { lease, id } = await claimOne(db.sql, claims);
    await rpc(db.sql, claims, "record_steps", {
      lease,
      steps: [{ name: "s", result: "y".repeat(500) }] as never,
    });
    await complete(db.sql, claims, [{ lease, result: "z".repeat(1000) }]);
    const after = await used();
    expect(after - before).toBeGreaterThan(2500);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect(await used()).toBe(after);
    await db.sql`update mayfly.finished_jobs set finished_at = '2000-01-01' where id = ${id}`;
    await db.sql`select mayfly_private.maintain_jobs(${tenant}, 100)`;
    expect(await used()).toBe(before);
  });

  it("is refused beyond the quotas of bytes and of writes", async () => {
    const { claims, tenant } = await setUp();
    await db.sql`update mayfly.tenants set max_bytes = 0 where id = ${tenant}`;
    expect(await codeOf(add(db.sql, claims, [{ name: "a" }]))).toBe("quota_exceeded");
    await db.sql`update mayfly.tenants set max_bytes = 1e9, writes_per_minute = 1000 where id = ${tenant}`;
    const batch = Array.from({ length: 1000 }, () => ({ name: "a" }));
    const codes: unknown[] = [];
    for (let n = 0; n < 3; n++)
      codes.push(
        await add(db.sql, claims, batch).then(
          () => "added",
          (e: Error) => JSON.parse(e.message).code,
        ),
      );
    expect(codes).toContain("rate_limited");
  });
});

describe("claiming jobs", () => {
  it("takes them by priority, then by age, and each once", async () => {
    const { claims } = await setUp();
    const ids = await add(db.sql, claims, [
      { name: "a", priority: 5 },
      { name: "a", priority: 5 },
      { name: "a", priority: -1 },
      { name: "a" },
    ]);
    const order = [];
    for (let n = 0; n < 4; n++) order.push((await claimOne(db.sql, claims)).id);
    expect(order).toEqual([ids[2]?.id, ids[3]?.id, ids[0]?.id, ids[1]?.id]);
    expect((await claim(db.sql, claims, 10)).jobs).toEqual([]);
  });

  it("takes what the worker handles alone: by queue, by name", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [
      { name: "a" },
      { name: "b" },
      { name: "a", queue: "slow" },
      { name: "b", queue: "slow" },
    ]);
    const taken = await claim(db.sql, claims, 10, { queues: ["slow"], names: ["b"] });
    expect(taken.jobs.map((job) => [job.queue, job.name])).toEqual([["slow", "b"]]);
    const more = await claim(db.sql, claims, 10, { names: ["a"] });
    expect(more.jobs.map((job) => job.queue).sort()).toEqual(["a", "slow"]);
  });

  it("gives a job with a target to whom it names alone: an agent, a type, capabilities", async () => {
    const { tenant, claims, worker } = await setUp();
    const scout = await makeWorker(db.sql, tenant, { type: "scout" });
    const able = await rpc<{ agent: { id: string }; claims: Record<string, unknown> }>(
      db.sql,
      serviceRole,
      "spawn_agent",
      { capabilities: ["read", "write", "sing"], scopes: ["job:work"] },
      inTenant(tenant),
    );
    await add(db.sql, claims, [
      { name: "a", target: { agent: worker.id } },
      { name: "b", target: { type: "scout" } },
      { name: "c", target: { capabilities: ["write", "read"] } },
      { name: "d", target: { capabilities: ["fly"] } },
    ]);
    const names = async (of: Record<string, unknown>) =>
      (await claim(db.sql, of, 10)).jobs.map((job) => job.name);
    const person = await makePerson(db.sql, { [tenant]: "member" });
    expect(await names(person)).toEqual([]);
    expect(await names(scout.claims)).toEqual(["b"]);
    expect(await names(able.claims)).toEqual(["c"]);
    expect(await names(claims)).toEqual(["a"]);
  });

  it("gives delayed jobs when they are due, and not before", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a", delay: 600 }]);
    expect((await claim(db.sql, claims)).jobs).toEqual([]);
    await db.sql`update mayfly.jobs set run_at = clock_timestamp() where id = ${job?.id ?? ""}`;
    expect((await claimOne(db.sql, claims)).id).toBe(job?.id);
    expect(await statusOf(db.sql, tenant, job?.id ?? "")).toBe("running");
  });

  it("divides a claim among the queues, and among the groups of a queue", async () => {
    const { claims } = await setUp();
    const many = (n: number, job: Record<string, unknown>) => Array.from({ length: n }, () => job);
    await add(db.sql, claims, many(900, { name: "big" }));
    await add(db.sql, claims, many(5, { name: "small" }));
    const taken = (await claim(db.sql, claims, 10)).jobs.map((job) => job.name);
    expect(taken.filter((name) => name === "small")).toHaveLength(5);
    await add(db.sql, claims, many(500, { name: "g", group: "loud", input: { of: "loud" } }));
    await add(db.sql, claims, many(3, { name: "g", group: "quiet", input: { of: "quiet" } }));
    const groups = (await claim(db.sql, claims, 10, { queues: ["g"] })).jobs;
    expect(groups.filter((job) => job.input.of === "quiet")).toHaveLength(3);
    expect(groups).toHaveLength(10);
  });

  it("comes to every group of a queue of hundreds, and to queues behind it", async () => {
    const { claims } = await setUp();
    for (let n = 0; n < 5; n++)
      await add(
        db.sql,
        claims,
        Array.from({ length: 100 }, (_, g) => ({ name: "a", group: `g${g}` })),
      );
    await add(db.sql, claims, [{ name: "z" }]);
    const groups = new Set<string>();
    let place: Record<string, unknown> = {};
    let z = 0;
    for (let n = 0; n < 20; n++) {
      const taken = await claim(db.sql, claims, 16, { place: place as never });
      place = taken.place;
      for (const job of taken.jobs) {
        if (job.name === "z") z = n + 1;
        const [row] = await db.sql`select lane from mayfly.jobs where id = ${job.id}`;
        groups.add(row?.lane as string);
      }
    }
    expect(z).toBe(1);
    expect(groups.size).toBeGreaterThan(95);
  });

  it("keeps the limits of a queue: paused, running at once, in a group, in a second", async () => {
    const { claims, tenant } = await setUp();
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const limit = (values: Record<string, unknown>) =>
      rpc(db.sql, owner, "set_queue", { name: "a", ...values });
    const take = async () => (await claim(db.sql, claims, 100)).jobs;
    await add(
      db.sql,
      claims,
      Array.from({ length: 50 }, (_, n) => ({ name: "a", group: `g${n % 5}` })),
    );
    await limit({ paused: true });
    expect(await take()).toHaveLength(0);
    await limit({ max_running: 3 });
    const three = await take();
    expect(three).toHaveLength(3);
    expect(await take()).toHaveLength(0);
    await complete(db.sql, claims, three.slice(0, 2));
    expect(await take()).toHaveLength(2);
    await limit({ max_running_per_group: 2 });
    const [running] = await db.sql`select max(n)::int from (select count(*) as n from mayfly.jobs
      where tenant_id = ${tenant} and status = 'running' group by lane) g`;
    await take();
    const [now] =
      await db.sql`select max(n)::int as most, count(*)::int as groups from (select count(*) as n from mayfly.jobs
      where tenant_id = ${tenant} and status = 'running' group by lane) g`;
    expect(now).toEqual({ most: Math.max(2, running?.max as number), groups: 5 });
    await limit({ rate: 4 });
    await db.sql`update mayfly.job_queues set tokens = 4, filled_at = clock_timestamp() + interval '1 hour' where tenant_id = ${tenant}`;
    expect(await take()).toHaveLength(4);
    await db.sql`update mayfly.job_queues set filled_at = clock_timestamp() + interval '1 hour' where tenant_id = ${tenant}`;
    expect(await take()).toHaveLength(0);
  });

  it("is refused without job:work, and of every tenant to all but the secret key", async () => {
    const { tenant, claims } = await setUp();
    const idle = await makeWorker(db.sql, tenant, { scopes: ["job:add", "job:read"] });
    expect(await codeOf(claim(db.sql, idle.claims))).toBe("scope_missing");
    expect(await codeOf(rpc(db.sql, claims, "claim_any_jobs"))).toBe("42501");
    expect(await codeOf(claim(db.sql, claims, 1001))).toBe("invalid_request");
    expect(await codeOf(claim(db.sql, claims, 1, { lease: 0 }))).toBe("invalid_request");
    expect(await codeOf(claim(db.sql, claims, 1, { queues: ["a/b"] }))).toBe("invalid_request");
  });
});

describe("ending jobs", () => {
  it("tries a failed one again after its backoff, and makes it a dead letter in the end", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [
      { name: "a", max_attempts: 2, backoff: { base: 100, factor: 2, cap: 100 } },
    ]);
    const id = job?.id ?? "";
    const first = await claimOne(db.sql, claims);
    expect(
      await fail(db.sql, claims, [
        { lease: first.lease, error: { code: "net", message: "no answer" } },
      ]),
    ).toEqual(["retrying"]);
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({
      status: "scheduled",
      error: { code: "net", message: "no answer" },
      attempts: [{ attempt: 1, error: { code: "net" } }],
    });
    const [due] =
      await db.sql`select run_at - clock_timestamp() <= interval '100 s' and run_at > now() - interval '1 s' as ok from mayfly.jobs where id = ${id}`;
    expect(due?.ok).toBe(true);
    await db.sql`update mayfly.jobs set run_at = now() where id = ${id}`;
    const second = await claimOne(db.sql, claims);
    expect(second.attempt).toBe(2);
    expect(
      await fail(db.sql, claims, [{ lease: second.lease, error: { message: "again" } }]),
    ).toEqual(["failed"]);
    expect(await statusOf(db.sql, tenant, id)).toBe("failed");
    // The same calls again, since their answers were lost.
    expect(
      await fail(db.sql, claims, [{ lease: second.lease, error: { message: "again" } }]),
    ).toEqual(["recorded"]);
  });

  it("tries none again whose error says so", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    expect(
      await fail(db.sql, claims, [{ lease, error: { message: "never" }, retryable: false }]),
    ).toEqual(["failed"]);
    expect(await statusOf(db.sql, tenant, job?.id ?? "")).toBe("failed");
  });

  it("records a result once, and tells a repeated call so", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    for (const result of [1, 2])
      expect(await complete(db.sql, claims, [{ lease, result }])).toEqual({
        lost: [],
        cancelled: [],
      });
    expect(await jobOf(db.sql, tenant, job?.id ?? "")).toMatchObject({
      status: "succeeded",
      result: 1,
    });
    const events =
      await db.sql`select type from mayfly.events where subject = ${job?.id ?? ""} order by xid, id`;
    expect(events.map((event) => event.type)).toEqual(["job.added", "job.succeeded"]);
  });

  it("refuses a result over 256 KB by its field, and a lease that is none is lost", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    expect(
      await refusalOf(complete(db.sql, claims, [{ lease, result: "x".repeat(262_144) }])),
    ).toMatchObject({
      code: "invalid_request",
      details: { index: 0, field: "result" },
    });
    const nonsense = ["", "1.2.3", `1.${randomUUID()}.${randomUUID()}`, lease.replace(/^1/, "2")];
    expect(
      (
        await complete(
          db.sql,
          claims,
          nonsense.map((lease) => ({ lease })),
        )
      ).lost,
    ).toEqual([0, 1, 2, 3]);
  });

  it("redrives dead letters with their steps, past every old lease, and discards them", async () => {
    const { claims, tenant } = await setUp();
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const [job] = await add(db.sql, claims, [{ name: "a", max_attempts: 1 }]);
    const id = job?.id ?? "";
    const old = await claimOne(db.sql, claims);
    await rpc(db.sql, claims, "record_steps", {
      lease: old.lease,
      steps: [{ name: "s", result: 7 }] as never,
    });
    await fail(db.sql, claims, [{ lease: old.lease, error: { message: "x" } }]);
    expect(await codeOf(rpc(db.sql, claims, "redrive_jobs"))).toBe("scope_missing");
    expect(await rpc(db.sql, owner, "redrive_jobs", { ids: [id] })).toEqual({ redriven: 1 });
    const again = await claimOne(db.sql, claims);
    expect(again).toMatchObject({ id, attempt: 2, max_attempts: 2 });
    expect(await codeOf(rpc(db.sql, claims, "read_steps", { lease: old.lease }))).toBe(
      "lease_lost",
    );
    expect(await rpc(db.sql, claims, "read_steps", { lease: again.lease })).toMatchObject({
      steps: { s: 7 },
    });
    await fail(db.sql, claims, [{ lease: again.lease, error: { message: "x" } }]);
    expect(await rpc(db.sql, owner, "discard_jobs")).toEqual({ discarded: 1 });
    expect(await codeOf(jobOf(db.sql, tenant, id))).toBe("job_unknown");
    const [steps] = await db.sql`select count(*)::int from mayfly.job_steps where job_id = ${id}`;
    expect(steps?.count).toBe(0);
  });

  it("fails those whose deadline has passed, and takes from those over their timeout", async () => {
    const { claims, tenant } = await setUp();
    const [late, slow] = await add(db.sql, claims, [
      { name: "late", deadline: "2020-01-01T00:00:00Z" },
      { name: "slow", timeout: 60 },
    ]);
    await letTick(db.sql);
    await claim(db.sql, claims, 0);
    expect(await jobOf(db.sql, tenant, late?.id ?? "")).toMatchObject({
      status: "failed",
      error: { code: "deadline_passed" },
    });
    const job = await claimOne(db.sql, claims, { lease: 3600 });
    expect(Date.parse(job.lease_end) - Date.now()).toBeLessThan(61_000);
    await db.sql`update mayfly.jobs set started_at = started_at - interval '2 minutes' where id = ${slow?.id ?? ""}`;
    await rpc(db.sql, claims, "heartbeat_jobs", { leases: [job.lease], lease: 3600 });
    await db.sql`update mayfly.jobs set lease_end = started_at + timeout where id = ${slow?.id ?? ""}`;
    await letTick(db.sql);
    await claim(db.sql, claims, 0);
    expect(await jobOf(db.sql, tenant, slow?.id ?? "")).toMatchObject({
      status: "ready",
      attempts: [{ error: { code: "job_timeout" } }],
    });
  });
});

describe("what is finished is read", () => {
  it("by list, by queue and percentiles, and deleted by retention", async () => {
    const { claims, tenant } = await setUp();
    const added = await add(db.sql, claims, [
      { name: "a" },
      { name: "b" },
      { name: "a", delay: 60 },
    ]);
    const taken = await claim(db.sql, claims, 2);
    await complete(
      db.sql,
      claims,
      taken.jobs.map(({ lease }) => ({ lease, result: { ok: true } })),
    );
    const list = await rpc<{ id: string; status: string }[]>(db.sql, claims, "list_jobs", {});
    expect(list.map((job) => job.status).sort()).toEqual(["scheduled", "succeeded", "succeeded"]);
    expect(await rpc(db.sql, claims, "list_jobs", { of_status: ["scheduled"] })).toMatchObject([
      { id: added[2]?.id },
    ]);
    expect(await codeOf(rpc(db.sql, claims, "list_jobs", { of_status: ["sleeping"] }))).toBe(
      "invalid_request",
    );
    const statistics = await rpc<Record<string, unknown>[]>(db.sql, claims, "job_statistics", {});
    expect(statistics).toMatchObject([
      {
        queue: "a",
        succeeded: 1,
        scheduled: 1,
        wait: { p50: expect.any(Number) },
        run: { p99: expect.any(Number) },
      },
      { queue: "b", succeeded: 1 },
    ]);
    await db.sql`update mayfly.finished_jobs set finished_at = now() - interval '31 days' where tenant_id = ${tenant}`;
    const [more] = await db.sql`select mayfly_private.maintain_jobs(${tenant}, 1) as more`;
    expect(more?.more).toEqual({ more: true });
    await db.sql`select mayfly_private.maintain_jobs(${tenant}, 10)`;
    const [left] =
      await db.sql`select count(*)::int from mayfly.finished_jobs where tenant_id = ${tenant}`;
    expect(left?.count).toBe(0);
  });
});
