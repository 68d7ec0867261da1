/** Who gets which work: assignment to the best agent, and bids. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, inTenant, makePerson, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { claim, claimOne, complete, fail, jobOf, makeWorker } from "../jobs/working.ts";
import { assign, bid, makeTeaming, openTender, stop, teaming } from "./teaming.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

describe("an assignment", () => {
  it("goes to the agent with the least work, and to no other", async () => {
    const { agents, first, second } = await makeTeaming(db.sql);
    const given: Awaited<ReturnType<typeof assign>>[] = [];
    for (let i = 0; i < 6; i++) given.push(await assign(db.sql, first.claims));
    const counts = agents.map(({ id }) => given.filter(({ agent }) => agent === id).length);
    expect(counts).toEqual([2, 2, 2]);
    const { jobs } = await claim(db.sql, second.claims, 10);
    expect(jobs.map(({ id }) => id).sort()).toEqual(
      given
        .filter(({ agent }) => agent === second.id)
        .map(({ job }) => job)
        .sort(),
    );
  });

  it("counts jobs that an agent has claimed by itself towards the agent's load", async () => {
    const { first, second } = await makeTeaming(db.sql, 2);
    await rpc(db.sql, first.claims, "add_jobs", { jobs: [{ name: "other" }] as never });
    await claimOne(db.sql, first.claims);
    expect((await assign(db.sql, first.claims)).agent).toBe(second.id);
  });

  it("counts as load until its job has ended, and again when the job is redriven", async () => {
    const { tenant, first } = await makeTeaming(db.sql, 1);
    const idle = { max_load: 0, job: { name: "work", max_attempts: 1 } };
    const { job } = await assign(db.sql, first.claims, idle);
    expect(await codeOf(assign(db.sql, first.claims, idle))).toBe("no_agent_available");
    const { lease } = await claimOne(db.sql, first.claims);
    const error = { code: "failed", message: "It failed." };
    await fail(db.sql, first.claims, [{ lease, error, retryable: false }]);
    const next = await assign(db.sql, first.claims, idle);
    expect(next.agent).toBe(first.id);
    const done = await claimOne(db.sql, first.claims);
    await complete(db.sql, first.claims, [{ lease: done.lease }]);
    await rpc(db.sql, serviceRole, "redrive_jobs", { ids: [job] }, inTenant(tenant));
    expect(await codeOf(assign(db.sql, first.claims, idle))).toBe("no_agent_available");
  });

  it("can require capabilities, a type and a load, and says if nobody matches", async () => {
    const { tenant, first } = await makeTeaming(db.sql, 1);
    const writer = await makeWorker(db.sql, tenant, {
      scopes: teaming,
      type: "writer",
      capabilities: ["german"],
    });
    const asked = { capabilities: ["german"], type: "writer", max_load: 0 };
    expect((await assign(db.sql, first.claims, asked)).agent).toBe(writer.id);
    expect(await codeOf(assign(db.sql, first.claims, asked))).toBe("no_agent_available");
    expect(await codeOf(assign(db.sql, first.claims, { capabilities: ["greek"] }))).toBe(
      "no_agent_available",
    );
  });

  it("prefers the type that did this kind of work best", async () => {
    const { tenant, first } = await makeTeaming(db.sql, 1, { scopes: ["team:manage", "job:add"] });
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const make = (type: string) => makeWorker(db.sql, tenant, { scopes: teaming, type });
    const [poor, good] = [await make("poor"), await make("good")];
    for (const [agent, type, reward] of [
      [poor, "poor", 0],
      [good, "good", 1],
    ] as const) {
      const { job } = await assign(db.sql, first.claims, { type });
      const { lease } = await claimOne(db.sql, agent.claims);
      await complete(db.sql, agent.claims, [{ lease }]);
      await rpc(db.sql, owner, "rate_job", { job_id: job, reward });
    }
    expect((await assign(db.sql, first.claims)).agent).toBe(good.id);
  });

  it("goes to another agent with the required capabilities when its agent ends", async () => {
    const { tenant, first } = await makeTeaming(db.sql, 1, { scopes: ["team:manage", "job:add"] });
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const capabilities = ["german", "law"];
    const make = () => makeWorker(db.sql, tenant, { scopes: teaming, capabilities });
    const [one, other] = [await make(), await make()];
    const { job, agent } = await assign(db.sql, first.claims, { capabilities: ["law"] });
    const [dead, heir] = agent === one.id ? [one, other] : [other, one];
    expect((await claim(db.sql, heir.claims)).jobs).toEqual([]);
    await stop(db.sql, owner, dead.id);
    expect((await claimOne(db.sql, heir.claims)).id).toBe(job);
  });

  it("goes to anybody when its agent ends and no capabilities were required", async () => {
    const { tenant, first, second } = await makeTeaming(db.sql, 2);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const { job, agent } = await assign(db.sql, first.claims, {
      job: { name: "work", group: "g/1#2", queue: "q" },
    });
    const [dead, heir] = agent === first.id ? [first, second] : [second, first];
    await claimOne(db.sql, dead.claims);
    await stop(db.sql, owner, dead.id);
    expect((await claimOne(db.sql, heir.claims, { queues: ["q"] })).id).toBe(job);
    expect(await jobOf(db.sql, tenant, job)).toMatchObject({ queue: "q", name: "work" });
  });

  it("is made once for a key", async () => {
    const { first } = await makeTeaming(db.sql, 2);
    const job = { name: "work", key: "once" };
    const made = await assign(db.sql, first.claims, { job });
    expect(await assign(db.sql, first.claims, { job })).toEqual({
      job: made.job,
      agent: made.agent,
      existing: true,
    });
  });

  it("is rated once after its end, and not by the agent that did it", async () => {
    const { tenant, first } = await makeTeaming(db.sql, 1);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const { job } = await assign(db.sql, first.claims);
    const rate = (claims: typeof owner, reward: unknown = 0.5) =>
      rpc(db.sql, claims, "rate_job", { job_id: job, reward });
    expect(await codeOf(rate(owner))).toBe("job_not_ended");
    const { lease } = await claimOne(db.sql, first.claims);
    await complete(db.sql, first.claims, [{ lease }]);
    expect(await codeOf(rate(first.claims))).toBe("rating_own");
    expect(await refusalOf(rate(owner, 2))).toMatchObject({ details: { field: "reward" } });
    expect(await rate(owner)).toMatchObject({ reward: 0.5, rated: 1, record: 0.5 });
    expect(await rate(owner)).toMatchObject({ rated: 1 });
    expect(await codeOf(rate(owner, 1))).toBe("already_rated");
  });
});

describe("a tender", () => {
  it("gives the work to the lowest bid, and shows bids only after that", async () => {
    const { first, second, third } = await makeTeaming(db.sql);
    const tender = await openTender(db.sql, first.claims, {});
    expect(await bid(db.sql, second.claims, tender, 5)).toMatchObject({ bids: null });
    expect(await bid(db.sql, third.claims, tender, 3)).toMatchObject({ bids: null });
    const closed = await rpc<{ winner: string; job_id: string; bids: unknown[] }>(
      db.sql,
      first.claims,
      "close_tender",
      { tender_id: tender.id },
    );
    expect(closed).toMatchObject({ status: "awarded", winner: third.id });
    expect(closed.bids).toHaveLength(2);
    expect((await claim(db.sql, second.claims)).jobs).toEqual([]);
    expect((await claimOne(db.sql, third.claims)).id).toBe(closed.job_id);
  });

  it("gives the work to the highest score if asked, but never above the price of the tender", async () => {
    const { first, second, third } = await makeTeaming(db.sql);
    const asked = { rule: "highest_score", max_price: 10 };
    const tender = await openTender(db.sql, first.claims, asked);
    await bid(db.sql, first.claims, tender, 1, { score: 0.2 });
    await bid(db.sql, second.claims, tender, 9, { score: 0.8 });
    await bid(db.sql, third.claims, tender, 11, { score: 1 });
    const closing = { tender_id: tender.id };
    expect(await rpc(db.sql, first.claims, "close_tender", closing)).toMatchObject({
      winner: second.id,
    });
  });

  it("skips a bidder that has died, and fails if nobody is left", async () => {
    const { tenant, first, second, third } = await makeTeaming(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const close = (id: string) => rpc(db.sql, first.claims, "close_tender", { tender_id: id });
    const [tender, other] = [
      await openTender(db.sql, first.claims),
      await openTender(db.sql, first.claims),
    ];
    await bid(db.sql, second.claims, tender, 1);
    await bid(db.sql, third.claims, tender, 2);
    await bid(db.sql, second.claims, other, 1);
    await stop(db.sql, owner, second.id);
    expect(await close(tender.id)).toMatchObject({ status: "awarded", winner: third.id });
    expect(await close(other.id)).toMatchObject({ status: "failed", winner: null, job_id: null });
  });

  it("accepts one bid from each agent that can do the work, and is awarded at its deadline", async () => {
    const { tenant, first, second } = await makeTeaming(db.sql, 2);
    const able = await makeWorker(db.sql, tenant, { scopes: teaming, capabilities: ["german"] });
    const tender = await openTender(db.sql, first.claims, {
      capabilities: ["german"],
      seconds: 60,
    });
    expect(await codeOf(bid(db.sql, second.claims, tender, 1))).toBe("not_a_bidder");
    await bid(db.sql, able.claims, tender, 1.5);
    expect((await bid(db.sql, able.claims, tender, 1.5)).status).toBe("open");
    expect(await codeOf(bid(db.sql, able.claims, tender, 1))).toBe("already_bid");
    await db.advance("61 seconds");
    expect(await rpc(db.sql, first.claims, "get_tender", { tender_id: tender.id })).toMatchObject({
      status: "awarded",
      winner: able.id,
    });
    expect(await codeOf(bid(db.sql, able.claims, tender, 1))).toBe("tender_closed");
  });

  it.each([
    ["job", { job: { name: "work", target: { type: "x" } } }],
    ["rule", { rule: "random" }],
    ["max_price", { max_price: -1 }],
    ["seconds", { seconds: 0 }],
  ])("names the invalid field %s", async (field, values) => {
    const { first } = await makeTeaming(db.sql, 1);
    expect(await refusalOf(openTender(db.sql, first.claims, values as never))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });
});
