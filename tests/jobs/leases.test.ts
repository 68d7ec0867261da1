/** Invariants 1 and 3: every write needs the lease of the job, and each thing is recorded only once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  inTenant,
  makePerson,
  rpc,
  type Sql,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { withinAMinute } from "#harness/usage";
import {
  add,
  claim,
  claimAny,
  claimOne,
  complete,
  endLeases,
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

const isLost = async (claims: Claims, name: string, values: Record<string, unknown>) =>
  (await codeOf(rpc(db.sql, claims, name, values as never))) === "lease_lost";

/** Every write that names a lease. Returns whether the answer is that to a caller without the lease. */
const writes: Record<string, (claims: Claims, lease: string) => Promise<unknown>> = {
  complete: async (claims, lease) =>
    (await complete(db.sql, claims, [{ lease, result: "stale" }])).lost[0] === 0,
  fail: async (claims, lease) =>
    (await fail(db.sql, claims, [{ lease, error: { message: "stale" } }]))[0] === "lost",
  turn: async (claims, lease) => {
    const answer = await rpc<{ lost: number[]; failed: string[] }>(db.sql, claims, "turn_jobs", {
      done: [{ lease }] as never,
      failures: [{ lease, error: { message: "stale" } }] as never,
      wanted: 0,
    });
    return answer.lost[0] === 0 && answer.failed[0] === "lost";
  },
  heartbeat: async (claims, lease) =>
    (await rpc<{ lost: number[] }>(db.sql, claims, "heartbeat_jobs", { leases: [lease] }))
      .lost[0] === 0,
  release: async (claims, lease) =>
    (await rpc<{ released: number }>(db.sql, claims, "release_jobs", { leases: [lease] }))
      .released === 0,
  step: (claims, lease) => isLost(claims, "record_steps", { lease, steps: [{ name: "stale" }] }),
  "reading steps": (claims, lease) => isLost(claims, "read_steps", { lease }),
  wait: (claims, lease) => isLost(claims, "wait_job", { lease, step: "w", signals: ["s"] }),
  attributes: (claims, lease) =>
    isLost(claims, "set_job_attributes", { lease, changes: { state: "stale" } }),
  child: async (claims, lease) =>
    (await codeOf(add(db.sql, claims, [{ name: "child" }], { lease }))) === "lease_lost",
};

async function expectRefused(claims: Claims, lease: string, tenant: string, id: string) {
  const before = await jobOf(db.sql, tenant, id);
  for (const [write, isRefused] of Object.entries(writes)) {
    // A turn also claims, and needs a tenant for that.
    if (write === "turn" && claims === serviceRole) continue;
    expect(await isRefused(claims, lease), write).toBe(true);
  }
  expect(await jobOf(db.sql, tenant, id)).toEqual(before);
}

async function setUp() {
  const tenant = await makeWorkTenant(db.sql);
  const worker = await makeWorker(db.sql, tenant);
  const [job] = await add(db.sql, worker.claims, [{ name: "a", input: { n: 1 } }]);
  return { tenant, claims: worker.claims, id: job?.id ?? "" };
}

describe("every write under a lease", () => {
  it("covers every function with a lease parameter", async () => {
    const rows = await db.sql`
      select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'mayfly' and p.proargnames && '{lease,leases,done,failures}'
        and p.proname not in ('claim_jobs', 'claim_any_jobs') and p.proname like '%job%' or p.proname in ('record_steps', 'read_steps') and n.nspname = 'mayfly'
      order by 1`;
    expect(rows.map((row) => row.proname)).toEqual([
      "add_jobs",
      "complete_jobs",
      "fail_jobs",
      "heartbeat_jobs",
      "read_steps",
      "record_steps",
      "release_jobs",
      "set_job_attributes",
      "turn_jobs",
      "wait_job",
    ]);
  });

  it("is refused once the lease has ended, before anybody else has the job", async () => {
    const { tenant, claims, id } = await setUp();
    await withinAMinute(db, async () => {
      const { lease } = await claimOne(db.sql, claims);
      await db.advance("29.5 seconds");
      // This claim looks for ended leases. Claims do so only once a second, so the next claim would not
      // notice the end of the lease.
      await claim(db.sql, claims, 0);
      await db.advance("0.6 seconds");
      await expectRefused(claims, lease, tenant, id);
    });
  });

  it("is refused to a zombie while another attempt runs, even of the same worker", async () => {
    const { tenant, claims, id } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    await endLeases(db);
    const again = await claimOne(db.sql, claims);
    expect(again).toMatchObject({ id, attempt: 2 });
    await expectRefused(claims, lease, tenant, id);
    expect(await complete(db.sql, claims, [{ lease: again.lease, result: "true" }])).toMatchObject({
      lost: [],
    });
    await expectRefused(claims, lease, tenant, id);
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({ status: "succeeded", result: "true" });
  });

  it("is refused to everybody but the holder: other agents, people, another tenant, the secret key", async () => {
    const { tenant, claims, id } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    const other = await makeWorker(db.sql, tenant);
    const foreign = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    for (const stranger of [other.claims, foreign.claims, owner, serviceRole])
      await expectRefused(stranger, lease, tenant, id);
    // The lease is also refused if the caller writes its own tenant into it.
    const own = `${lease.slice(0, lease.lastIndexOf("."))}.${String((foreign.claims.mayfly as { tenant: string }).tenant)}`;
    await expectRefused(foreign.claims, own, tenant, id);
    expect(await complete(db.sql, claims, [{ lease }])).toMatchObject({ lost: [] });
  });

  it("is refused for a job that waits, was cancelled or has ended", async () => {
    const { tenant, claims, id } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    await rpc(db.sql, claims, "wait_job", { lease, step: "w", signals: ["go"] });
    await expectRefused(claims, lease, tenant, id);
  });

  it("takes its tenant from the lease for the secret key, whatever tenants it works for", async () => {
    const [one, two] = [await setUp(), await setUp()];
    const { jobs } = await claimAny(db.sql, 100);
    const mine = jobs.filter((job) => [one.id, two.id].includes(job.id));
    expect(new Set(mine.map((job) => job.tenant_id))).toEqual(new Set([one.tenant, two.tenant]));
    const lease = mine.find((job) => job.id === one.id)?.lease ?? "";
    await rpc(db.sql, serviceRole, "record_steps", {
      lease,
      steps: [{ name: "s", result: 1 }] as never,
    });
    // A named tenant limits the call to that tenant, so another tenant's lease is not found.
    const narrowed = await complete(db.sql, serviceRole, [{ lease }], inTenant(two.tenant));
    expect(narrowed.lost).toEqual([0]);
    expect(
      (
        await complete(
          db.sql,
          serviceRole,
          mine.map((job) => ({ lease: job.lease })),
        )
      ).lost,
    ).toEqual([]);
    expect(await statusOf(db.sql, one.tenant, one.id)).toBe("succeeded");
    expect(await statusOf(db.sql, two.tenant, two.id)).toBe("succeeded");
  });
});

describe("steps", () => {
  it("are recorded once, and the first result stays, whoever writes again", async () => {
    const { claims } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    const record = (steps: Record<string, unknown>[], of = lease) =>
      rpc(db.sql, claims, "record_steps", { lease: of, steps: steps as never });
    expect(await record([{ name: "one", result: { v: 1 }, ms: 3 }])).toEqual({ known: {} });
    expect(await record([{ name: "one", result: { v: 2 } }, { name: "two" }])).toEqual({
      known: { one: { v: 1 }, two: null },
    });
    await endLeases(db);
    const again = await claimOne(db.sql, claims);
    expect(again.attempt).toBe(2);
    expect(await rpc(db.sql, claims, "read_steps", { lease: again.lease })).toEqual({
      steps: { one: { v: 1 }, two: null },
      last: "two",
      more: false,
    });
  });

  it.each([
    ["of jobs without a group", false, claim],
    ["of jobs with and without a group", true, claim],
    ["of all tenants", false, (sql: Sql, _: Claims, wanted: number) => claimAny(sql, wanted)],
  ])("come with the next claim %s, up to 16 KB", async (_, severalLanes, next) => {
    const { claims } = await setUp();
    const [small, large, none] = await add(db.sql, claims, [
      { name: "a" },
      { name: "a" },
      { name: "a", ...(severalLanes && { group: "g" }) },
    ]);
    const results = new Map<string | undefined, unknown>([
      [small?.id, { v: 1 }],
      [large?.id, "x".repeat(16_384)],
    ]);
    for (const { id, lease } of (await claim(db.sql, claims, 10)).jobs) {
      const result = results.get(id);
      const steps = [{ name: "one", result }];
      if (result) await rpc(db.sql, claims, "record_steps", { lease, steps: steps as never });
    }
    await endLeases(db);
    const jobs = (await next(db.sql, claims, 1_000)).jobs as { id: string; steps?: object }[];
    const stepsOf = (id = "") => jobs.find((job) => job.id === id)?.steps;
    expect(stepsOf(small?.id)).toEqual({ one: { v: 1 } });
    expect(stepsOf(large?.id)).toBeUndefined();
    expect(stepsOf(none?.id)).toEqual({});
  });

  it("are read page by page, by name", async () => {
    const { claims } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    for (let n = 0; n < 3; n++)
      await rpc(db.sql, claims, "record_steps", {
        lease,
        steps: Array.from({ length: 1000 }, (_, m) => ({
          name: `s${String(n * 1000 + m).padStart(5, "0")}`,
          result: m,
        })) as never,
      });
    const names: string[] = [];
    let after: string | null = null;
    for (let more = true; more; ) {
      const page: { steps: Record<string, unknown>; last: string; more: boolean } = await rpc(
        db.sql,
        claims,
        "read_steps",
        {
          lease,
          after,
          page_limit: 700,
        },
      );
      names.push(...Object.keys(page.steps));
      ({ last: after, more } = page);
    }
    expect(new Set(names).size).toBe(3000);
    expect(names).toHaveLength(3000);
  });

  it("refuse an invalid value, and name the field", async () => {
    const { claims } = await setUp();
    const { lease } = await claimOne(db.sql, claims);
    const code = (steps: unknown) =>
      codeOf(rpc(db.sql, claims, "record_steps", { lease, steps: steps as never }));
    expect(await code([])).toBe("invalid_request");
    expect(await code([{ name: "" }])).toBe("invalid_request");
    expect(await code([{ name: "a", result: "x".repeat(262_145) }])).toBe("invalid_request");
    expect(await code([{ name: "a", ms: -1 }])).toBe("invalid_request");
  });
});

describe("a poison job", () => {
  it("that kills its worker each time becomes a dead letter after its attempts", async () => {
    const { tenant, claims } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "poison", max_attempts: 3 }]);
    const id = job?.id ?? "";
    for (let attempt = 1; attempt <= 3; attempt++) {
      const taken = await claimOne(db.sql, claims, { queues: ["poison"] });
      expect(taken.attempt).toBe(attempt);
      await endLeases(db);
      await claim(db.sql, claims, 0);
    }
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({
      status: "failed",
      error: { code: "lease_ended" },
      attempts: [{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }],
    });
  });
});

describe("a job that is given back", () => {
  it("is ready at once, and its attempt does not count", async () => {
    const { tenant, claims } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "once", max_attempts: 1 }]);
    const { lease } = await claimOne(db.sql, claims, { queues: ["once"] });
    expect(await rpc(db.sql, claims, "release_jobs", { leases: [lease] })).toEqual({ released: 1 });
    const again = await claimOne(db.sql, claims, { queues: ["once"] });
    expect(again).toMatchObject({ id: job?.id, attempt: 2, max_attempts: 2 });
    await fail(db.sql, claims, [{ lease: again.lease, error: { message: "x" } }]);
    expect(await statusOf(db.sql, tenant, job?.id ?? "")).toBe("failed");
  });
});
