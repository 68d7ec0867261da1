/** Attributes that programs set: how they are checked, charged, kept and found. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makePerson, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { storedBy } from "#harness/usage";
import {
  add,
  claim,
  claimOne,
  complete,
  endLeases,
  fail,
  jobOf,
  letTick,
  makeWorker,
  makeWorkTenant,
} from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

type Row = { id: string; name: string; attributes?: object };
const setUp = async () => {
  const tenant = await makeWorkTenant(db.sql);
  return { tenant, ...(await makeWorker(db.sql, tenant)) };
};
const find = (claims: Claims, of_attributes: object, more: object = {}, list = "list_jobs") =>
  rpc<Row[]>(db.sql, claims, list, { of_attributes, ...more } as never);
const namesOf = (rows: Row[]) => rows.map(({ name }) => name).sort();
const set = (claims: Claims, lease: string, changes: unknown) =>
  rpc<object>(db.sql, claims, "set_job_attributes", { lease, changes } as never);
const rows = async (tenant: string) => [
  ...(await db.sql`select attributes, bytes from mayfly.job_attributes where tenant_id = ${tenant}`),
];

describe("a job with attributes", () => {
  it("is found by them among open and ended jobs, with the type of each value", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [
      { name: "a", attributes: { customer: "acme", orders: 3, vip: true } },
      { name: "b", attributes: { customer: "acme", orders: "3" } },
      { name: "c", attributes: { customer: 'Globex "Inc."', "plan.tier": "A" } },
      { name: "d", attributes: { balance: -1.5 } },
    ]);
    const { lease } = await claimOne(db.sql, claims, { names: ["a"] });
    await complete(db.sql, claims, [{ lease }]);
    const found = async (of: object, more = {}) => namesOf(await find(claims, of, more));
    expect(await found({ customer: "acme" })).toEqual(["a", "b"]);
    expect(await found({ customer: "acme" }, { of_status: ["succeeded"] })).toEqual(["a"]);
    expect(await found({ orders: 3 })).toEqual(["a"]);
    expect(await found({ orders: [3, "3"] })).toEqual(["a", "b"]);
    expect(await found({ vip: true, customer: ["acme", "other"] })).toEqual(["a"]);
    expect(await found({ vip: "true" })).toEqual([]);
    expect(await found({ balance: -1.5 })).toEqual(["d"]);
    expect(await found({ customer: "ACME" })).toEqual([]);
    expect(await found({ customer: 'Globex "Inc."', "plan.tier": "A" })).toEqual(["c"]);
    expect(await found({ customer: "acme" }, { containing: "zzz" })).toEqual([]);
    expect(await found({})).toEqual(["a", "b", "c", "d"]);
    const [b] = await find(claims, { orders: "3" });
    expect(b?.attributes).toEqual({ customer: "acme", orders: "3" });
    expect(await rpc(db.sql, claims, "get_job", { id: b?.id ?? "" })).toMatchObject({
      attributes: { customer: "acme", orders: "3" },
    });
  });

  it("is shown without attributes if it has none", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "plain" }]);
    expect((await find(claims, {}))[0]).not.toHaveProperty("attributes");
  });

  it("is found page by page, also if more jobs match than fit into one page", async () => {
    const { tenant, claims } = await setUp();
    await add(
      db.sql,
      claims,
      Array.from({ length: 1_000 }, (_, n) => ({ name: `n${n}`, attributes: { env: "test" } })),
    );
    // The newest of those that match are not ready, so the first page is far from the newest.
    await db.sql`
      with more as (
        insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at)
        select ${tenant}::uuid, mayfly_private.new_job_id(mayfly_private.now() + interval '1 hour'), 'z', 'z', 'z/z', 'scheduled', now() + interval '1 day'
        from generate_series(1, 1500) returning tenant_id, id)
      insert into mayfly.job_attributes (tenant_id, job_id, attributes, bytes) select tenant_id, id, '{"env": "test"}', 200 from more`;
    const seen = new Set<string>();
    for (let before: string | undefined; ; ) {
      const page = await find(
        claims,
        { env: "test" },
        { of_status: ["ready"], page_limit: 300, ...(before && { before }) },
      );
      for (const { name } of page) seen.add(name);
      before = page.at(-1)?.id;
      if (page.length < 300) break;
    }
    expect(seen.size).toBe(1_000);
  });

  it("is refused with the field if one attribute does not fit, and nothing is added", async () => {
    const { tenant, claims } = await setUp();
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`a${n}`, n]));
    const faults: [unknown, string][] = [
      ["text", "attributes"],
      [["a"], "attributes"],
      [many, "attributes"],
      [{ "": 1 }, "attributes."],
      [{ "1a": 1 }, "attributes.1a"],
      [{ "a:b": 1 }, "attributes.a:b"],
      [{ ok: 1, é: 1 }, "attributes.é"],
      [{ ["a".repeat(65)]: 1 }, `attributes.${"a".repeat(64)}`],
      [{ a: "" }, "attributes.a"],
      [{ a: "é".repeat(129) }, "attributes.a"],
      [{ a: {} }, "attributes.a"],
      [{ a: [1] }, "attributes.a"],
    ];
    for (const [attributes, field] of faults)
      expect(
        await refusalOf(add(db.sql, claims, [{ name: "good" }, { name: "bad", attributes }])),
      ).toMatchObject({
        code: "invalid_request",
        message: expect.stringMatching(/^jobs\[1\]\.attributes (must|has) /),
        details: { index: 1, field },
      });
    expect(await find(claims, {})).toEqual([]);
    await add(db.sql, claims, [
      { name: "most", attributes: { ...many, a16: null, [`_${"b".repeat(63)}`]: null } },
      { name: "long", attributes: { [`_${"b".repeat(63)}`]: "é".repeat(128), none: null } },
      { name: "empty", attributes: {} },
      { name: "none", attributes: null },
    ]);
    expect(await rows(tenant)).toHaveLength(2);
    for (const wanted of [[], "a", { a: null }, { a: [] }, { a: {} }, { "a b": 1 }, many])
      expect(await refusalOf(find(claims, wanted as never))).toMatchObject({
        code: "invalid_request",
        details: { field: "of_attributes" },
      });
  });

  it("can be changed only by the holder of its lease: values are merged, and null removes one", async () => {
    const { tenant, claims } = await setUp();
    const other = await makeWorker(db.sql, tenant);
    await add(db.sql, claims, [{ name: "a" }]);
    const { id, lease } = await claimOne(db.sql, claims);
    expect(await set(claims, lease, { customer: "acme", stage: 1 })).toEqual({
      customer: "acme",
      stage: 1,
    });
    expect(await set(claims, lease, { stage: "two", hint: false })).toEqual({
      customer: "acme",
      stage: "two",
      hint: false,
    });
    expect(await set(claims, lease, { hint: null, nothing: null })).toEqual({
      customer: "acme",
      stage: "two",
    });
    expect(await set(claims, lease, {})).toEqual({ customer: "acme", stage: "two" });
    expect(namesOf(await find(claims, { stage: 1 }))).toEqual([]);
    expect(namesOf(await find(claims, { stage: "two" }))).toEqual(["a"]);
    expect(await refusalOf(set(other.claims, lease, { stage: 3 }))).toMatchObject({
      code: "lease_lost",
    });
    expect(await refusalOf(set(claims, lease, { stage: [] }))).toMatchObject({
      code: "invalid_request",
      details: { field: "changes.stage" },
    });
    const more = Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`a${n}`, n]));
    expect(await refusalOf(set(claims, lease, more))).toMatchObject({
      code: "invalid_request",
      details: { field: "changes" },
    });
    expect(await set(claims, lease, { customer: null, stage: null })).toEqual({});
    expect(await rows(tenant)).toEqual([]);
    await set(claims, lease, { stage: 4 });
    await endLeases(db);
    expect(await refusalOf(set(claims, lease, { stage: 5 }))).toMatchObject({ code: "lease_lost" });
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({ attributes: { stage: 4 } });
  });

  it("keeps them when it ends and when it is redriven, and they are charged until it is deleted", async () => {
    const { tenant, claims } = await setUp();
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const before = await storedBy(db.sql, admin);
    const more = async () => (await storedBy(db.sql, admin)).bytes - before.bytes;
    await add(db.sql, claims, [
      { name: "dead", max_attempts: 1, key: "one", attributes: { customer: "acme" } },
      { name: "dead", key: "one", attributes: { customer: "other" } },
    ]);
    const bytes = 128 + '{"customer": "acme"}'.length;
    expect(await rows(tenant)).toEqual([{ attributes: { customer: "acme" }, bytes }]);
    expect(await more()).toBe(768 + 2 + bytes);
    const die = async () => {
      const { lease } = await claimOne(db.sql, claims);
      await fail(db.sql, claims, [{ lease, error: { message: "No." } }]);
    };
    await die();
    expect(await find(claims, { customer: "acme" })).toMatchObject([{ status: "failed" }]);
    await rpc(db.sql, admin, "redrive_jobs", {});
    await letTick(db);
    expect(await find(claims, { customer: "acme" })).toMatchObject([{ status: "ready" }]);
    const { lease } = await claimOne(db.sql, claims);
    await set(claims, lease, { customer: "acme corporation" });
    expect(await more()).toBe(768 + 2 + bytes + 12);
    await fail(db.sql, claims, [{ lease, error: { message: "No." } }]);
    await rpc(db.sql, admin, "discard_jobs", {});
    expect(await rows(tenant)).toEqual([]);
    expect(await storedBy(db.sql, admin)).toEqual(before);
  });

  it("gets them from its schedule", async () => {
    const { tenant, claims } = await setUp();
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const schedule = { name: "often", cron: "* * * * *", job: "swept" };
    const options = { attributes: { origin: "nightly" } };
    await rpc(db.sql, admin, "set_schedule", { ...schedule, options } as never);
    await db.advance("61 seconds");
    await claim(db.sql, claims, 1, { names: ["nothing"] as never });
    expect(namesOf(await find(claims, { origin: "nightly" }))).toContain("swept");
    const wrong = { attributes: { origin: {} } };
    expect(
      await refusalOf(rpc(db.sql, admin, "set_schedule", { ...schedule, options: wrong } as never)),
    ).toMatchObject({ details: { field: "attributes.origin" } });
  });
});
