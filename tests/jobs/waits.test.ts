/**
 * Invariant 5 for jobs: signals, results of children and timers are rows. No row is lost, and each is used
 * once.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makePerson, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import {
  add,
  claim,
  claimOne,
  complete,
  fail,
  jobOf,
  makeWorker,
  makeWorkTenant,
  statusOf,
} from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

async function setUp(job: Record<string, unknown> = {}) {
  const tenant = await makeWorkTenant(db.sql);
  const { claims, id: worker } = await makeWorker(db.sql, tenant);
  await add(db.sql, claims, [{ name: "a", ...job }]);
  const call = <T = unknown>(name: string, values: Record<string, unknown>) =>
    rpc<T>(db.sql, claims, name, values);
  return { tenant, claims, worker, call, ...(await claimOne(db.sql, claims)) };
}

describe("signals", () => {
  it("that arrive before a wait are kept in order", async () => {
    const { id, lease, call } = await setUp();
    for (const n of [1, 2])
      expect(await call("signal_job", { id, name: "go", payload: n })).toEqual({ woken: false });
    expect(await call("wait_job", { lease, step: "one", signals: ["go"] })).toEqual({
      signal: "go",
      payload: 1,
    });
    expect(await call("wait_job", { lease, step: "two", signals: ["go"] })).toEqual({
      signal: "go",
      payload: 2,
    });
    // A recorded step is read, not taken again.
    expect(await call("wait_job", { lease, step: "one", signals: ["go"] })).toEqual({
      signal: "go",
      payload: 1,
    });
  });

  it("wake a job that waits for one of several signals, and the job continues where it stopped", async () => {
    const { tenant, claims, id, lease, call } = await setUp({ max_attempts: 1 });
    expect(await call("wait_job", { lease, step: "w", signals: ["yes", "no"] })).toEqual({
      waiting: true,
    });
    expect(await statusOf(db.sql, tenant, id)).toBe("waiting");
    expect(await call("signal_job", { id, name: "other" })).toEqual({ woken: false });
    expect((await claim(db.sql, claims)).jobs).toEqual([]);
    expect(await call("signal_job", { id, name: "no", payload: { why: "late" } })).toEqual({
      woken: true,
    });
    const again = await claimOne(db.sql, claims);
    expect(
      await call("wait_job", { lease: again.lease, step: "w", signals: ["yes", "no"] }),
    ).toEqual({
      signal: "no",
      payload: { why: "late" },
    });
    // The job has only one attempt, so it could continue only because the wait gave the attempt back.
    expect(await complete(db.sql, claims, [{ lease: again.lease }])).toMatchObject({ lost: [] });
  });

  it("are refused for an ended or unknown job, and if they are invalid", async () => {
    const { id, lease, claims, call } = await setUp();
    expect(await codeOf(call("signal_job", { id: randomUUID(), name: "go" }))).toBe("job_unknown");
    expect(await codeOf(call("signal_job", { id, name: "" }))).toBe("invalid_request");
    expect(await codeOf(call("signal_job", { id, name: "go", payload: "x".repeat(262_145) }))).toBe(
      "invalid_request",
    );
    await complete(db.sql, claims, [{ lease }]);
    expect(await codeOf(call("signal_job", { id, name: "go" }))).toBe("job_finished");
  });
});

describe("timers", () => {
  it("need no signal, and end by the clock", async () => {
    const { tenant, claims, id, lease, call } = await setUp();
    expect(await refusalOf(call("wait_job", { lease, step: "w" }))).toMatchObject({
      details: { field: "until" },
    });
    const until = new Date(Date.now() + 600_000).toISOString();
    expect(await call("wait_job", { lease, step: "w", until })).toEqual({ waiting: true });
    expect((await claim(db.sql, claims)).jobs).toEqual([]);
    await db.advance("601 seconds");
    const again = await claimOne(db.sql, claims);
    const past = new Date(0).toISOString();
    expect(await call("wait_job", { lease: again.lease, step: "w", until: past })).toEqual({
      timeout: true,
    });
    expect(await statusOf(db.sql, tenant, id)).toBe("running");
  });
});

describe("children", () => {
  it("tell their parent when they have ended, before or while it waits", async () => {
    const { tenant, claims, id, lease, call } = await setUp();
    const [one, two] = await add(
      db.sql,
      claims,
      [{ name: "child" }, { name: "child", max_attempts: 1, key: "second" }],
      { lease },
    );
    const leases = (await claim(db.sql, claims, 2, { queues: ["child"] })).jobs;
    const of = (child?: { id: string }) => leases.find((job) => job.id === child?.id)?.lease ?? "";
    await complete(db.sql, claims, [{ lease: of(one), result: 5 }]);
    expect(await call("wait_job", { lease, step: "1", signals: [`job:${one?.id}`] })).toEqual({
      signal: `job:${one?.id}`,
      payload: { id: one?.id, status: "succeeded", result: 5 },
    });
    expect(await call("wait_job", { lease, step: "2", signals: [`job:${two?.id}`] })).toEqual({
      waiting: true,
    });
    await fail(db.sql, claims, [{ lease: of(two), error: { message: "no" } }]);
    expect(await statusOf(db.sql, tenant, id)).toBe("ready");
    const again = await claimOne(db.sql, claims);
    expect(
      await call("wait_job", { lease: again.lease, step: "2", signals: [`job:${two?.id}`] }),
    ).toMatchObject({
      payload: { status: "failed", error: { message: "no" }, result: null },
    });
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({
      children: expect.arrayContaining([
        expect.objectContaining({ id: one?.id, status: "succeeded" }),
        expect.objectContaining({
          id: two?.id,
          status: "failed",
          key: expect.stringMatching(/second$/),
        }),
      ]),
    });
  });
});

describe("cancelling", () => {
  it("immediately ends a job that is not running", async () => {
    const { tenant, claims, call } = await setUp();
    const [ready, scheduled] = await add(db.sql, claims, [{ name: "b" }, { name: "b", delay: 60 }]);
    const [waiting] = await add(db.sql, claims, [{ name: "w" }]);
    const { lease } = await claimOne(db.sql, claims, { queues: ["w"] });
    await call("wait_job", { lease, step: "w", signals: ["go"] });
    const ids = [ready, scheduled, waiting].map((job) => job?.id ?? "");
    expect(await call("cancel_jobs", { ids })).toEqual({ cancelled: 3, cancelling: 0 });
    for (const id of ids) expect(await statusOf(db.sql, tenant, id)).toBe("cancelled");
    expect(await call("cancel_jobs", { ids })).toEqual({ cancelled: 0, cancelling: 0 });
  });

  const ends: Record<string, (claims: Record<string, unknown>, lease: string) => Promise<unknown>> =
    {
      complete: (claims, lease) => complete(db.sql, claims, [{ lease, result: 1 }]),
      fail: (claims, lease) => fail(db.sql, claims, [{ lease, error: { message: "x" } }]),
      release: (claims, lease) => rpc(db.sql, claims, "release_jobs", { leases: [lease] }),
    };
  it.each(Object.keys(ends))(
    "reaches the worker of a running job with its next %s",
    async (how) => {
      const { tenant, claims, id, lease, call } = await setUp();
      expect(await call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 0, cancelling: 1 });
      expect(await call("heartbeat_jobs", { leases: [lease] })).toMatchObject({
        cancelled: [0],
        lost: [],
      });
      for (const write of [
        () => call("record_steps", { lease, steps: [{ name: "s" }] }),
        () => call("wait_job", { lease, step: "w", signals: ["go"] }),
        () => add(db.sql, claims, [{ name: "child" }], { lease }),
      ])
        expect(await codeOf(write())).toBe("job_cancelled");
      await ends[how]?.(claims, lease);
      expect(await statusOf(db.sql, tenant, id)).toBe("cancelled");
    },
  );

  it("reaches 1,000 children of a job, and the children's children", async () => {
    const { tenant, claims, id, lease, call } = await setUp();
    await add(
      db.sql,
      claims,
      Array.from({ length: 1000 }, () => ({ name: "child" })),
      { lease },
    );
    const taken = await claim(db.sql, claims, 10, { queues: ["child"] });
    await add(db.sql, claims, [{ name: "grandchild" }], { lease: taken.jobs[0]?.lease ?? "" });
    expect(await call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 991, cancelling: 11 });
    expect((await claim(db.sql, claims, 100)).jobs).toEqual([]);
    const outcome = await complete(db.sql, claims, [
      { lease },
      ...taken.jobs.map((job) => ({ lease: job.lease })),
    ]);
    expect(outcome.cancelled).toHaveLength(11);
    const [left] = await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant}`;
    const [ended] =
      await db.sql`select count(*)::int from mayfly.finished_jobs where tenant_id = ${tenant} and status = 'cancelled'`;
    expect([left?.count, ended?.count]).toEqual([0, 1002]);
  });

  it("is allowed for one's own jobs, and with job:admin for all", async () => {
    const { tenant, id, call } = await setUp();
    const other = await makeWorker(db.sql, tenant);
    expect(await codeOf(rpc(db.sql, other.claims, "cancel_jobs", { ids: [id] }))).toBe(
      "scope_missing",
    );
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    expect(await rpc(db.sql, admin, "cancel_jobs", { ids: [id] })).toEqual({
      cancelled: 0,
      cancelling: 1,
    });
    expect(await call("cancel_jobs", { ids: [id] })).toEqual({ cancelled: 0, cancelling: 1 });
  });
});

describe("a message that becomes a job", () => {
  async function assign() {
    const { tenant, claims, worker, call } = await setUp();
    const boss = await makeWorker(db.sql, tenant, { scopes: ["message:send", "message:read"] });
    const task = messageTo(worker, { type: "task_assignment", payload: { do: "it" } });
    const receiver = await makeWorker(db.sql, tenant, {
      scopes: ["message:read", "job:add", "job:work"],
    });
    void receiver;
    await rpc(db.sql, boss.claims, "send_messages", { messages: [task] as never });
    return { tenant, claims, boss, task, call };
  }
  const answersTo = (boss: string) =>
    db.sql`select m.* from mayfly.deliveries d join mayfly.messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
      where d.recipient_id = ${boss}`;

  it("is answered when the job has ended, once", async () => {
    const { claims, boss, task } = await assign();
    const [job] = await add(db.sql, claims, [
      { name: "task", answers: task.id, key: `message:${task.id}` },
    ]);
    const { lease } = await claimOne(db.sql, claims, { queues: ["task"] });
    for (let n = 0; n < 2; n++) await complete(db.sql, claims, [{ lease, result: { done: true } }]);
    const answers = await answersTo(boss.id);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({
      type: "task_result",
      reply_to: task.id,
      sender_kind: "agent",
      payload: { job: job?.id, status: "succeeded", result: { done: true } },
    });
  });

  it("is answered even without a worker, when the job is cancelled or out of attempts", async () => {
    const { claims, boss, task, call } = await assign();
    const [job] = await add(db.sql, claims, [{ name: "task", answers: task.id }]);
    await call("cancel_jobs", { ids: [job?.id ?? ""] });
    expect((await answersTo(boss.id))[0]?.payload).toMatchObject({ status: "cancelled" });
  });

  it("is answered to an agent that has ended, but its topic, where a thief may listen, hears nothing", async () => {
    const { tenant, claims, boss, task } = await assign();
    await rpc(db.sql, boss.claims, "open_inbox", { session: randomUUID() });
    await add(db.sql, claims, [{ name: "task", answers: task.id }]);
    await rpc(db.sql, boss.claims, "stop_agent");
    const { lease } = await claimOne(db.sql, claims, { queues: ["task"] });
    await complete(db.sql, claims, [{ lease, result: { done: true } }]);
    expect(await answersTo(boss.id)).toHaveLength(1);
    const heard = await db.sql`
      select event from realtime.messages where topic = ${`tenant:${tenant}:agent:${boss.id}`} order by inserted_at, id`;
    expect(heard.map(({ event }) => event)).toEqual(["control"]);
  });

  it("is refused to an agent that has not received it", async () => {
    const { tenant, task } = await assign();
    const other = await makeWorker(db.sql, tenant);
    expect(
      await refusalOf(add(db.sql, other.claims, [{ name: "task", answers: task.id }])),
    ).toMatchObject({
      code: "message_unknown",
      details: { index: 0, field: "answers" },
    });
  });
});
