import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, inTenant, makePerson, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { withinAMinute } from "#harness/usage";
import { add, claim, claimOne, complete, makeWorker, makeWorkTenant, statusOf } from "./working.ts";

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

describe("claiming jobs", () => {
  it("takes jobs by priority, then by age, and each once", async () => {
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

  it("takes only jobs that the worker handles, by queue and name", async () => {
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

  it("gives a job only to its target: an agent, a type, capabilities", async () => {
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

  it("gives delayed jobs only when they are due", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a", delay: 600 }]);
    expect((await claim(db.sql, claims)).jobs).toEqual([]);
    await db.advance("600 seconds");
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

  it("reaches every one of hundreds of groups, and the queues after them", async () => {
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

  it("keeps the limits of a queue: paused, concurrent, per group, per second", async () => {
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
    await withinAMinute(db, async () => {
      await limit({ rate: 4 });
      await db.advance("2 seconds");
      expect(await take()).toHaveLength(4);
      expect(await take()).toHaveLength(0);
      await db.advance("0.5 seconds");
      expect(await take()).toHaveLength(2);
    });
  });

  it("is refused without job:work, and only the secret key may claim jobs of several tenants", async () => {
    const { tenant, claims } = await setUp();
    const idle = await makeWorker(db.sql, tenant, { scopes: ["job:add", "job:read"] });
    expect(await codeOf(claim(db.sql, idle.claims))).toBe("scope_missing");
    expect(await codeOf(rpc(db.sql, claims, "claim_any_jobs"))).toBe("42501");
    expect(await codeOf(claim(db.sql, claims, 1001))).toBe("invalid_request");
    expect(await codeOf(claim(db.sql, claims, 1, { lease: 0 }))).toBe("invalid_request");
  });

  it.each([
    [["a/b"]],
    [["a", "b/"]],
    [["/"]],
    [[""]],
    [["a", ""]],
    [["a", null]],
    [["-a"]],
    [["a\n"]],
    [["a".repeat(101)]],
    [Array.from({ length: 501 }, (_, n) => `a${n}`)],
  ])("is refused with its field if names or queues are %j", async (wrong) => {
    const { claims } = await setUp();
    for (const field of ["names", "queues"])
      expect(await refusalOf(claim(db.sql, claims, 1, { [field]: wrong }))).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
  });

  it("takes as many names and queues as the limits allow", async () => {
    const { claims } = await setUp();
    const names = (count: number) => Array.from({ length: count }, (_, n) => `a:${n}.b-c_d`);
    const none = await claim(db.sql, claims, 1, { names: names(500), queues: names(100) });
    expect(none.jobs).toEqual([]);
    expect((await claim(db.sql, claims, 1, { names: [], queues: [] })).jobs).toEqual([]);
  });
});
