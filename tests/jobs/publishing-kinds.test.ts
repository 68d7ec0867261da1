/** What SQL stores of the kinds of jobs that workers publish, for whom, and for how long. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makePerson,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect } from "#harness/inspect";
import { storedBy } from "#harness/usage";
import { makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

interface Kind {
  name: string;
  published_at: string;
  [more: string]: unknown;
}
const publish = (claims: Claims, kinds: unknown, headers = {}) =>
  rpc<{ published: number }>(db.sql, claims, "publish_job_kinds", { kinds }, headers);
const listed = (claims: Claims) => rpc<Kind[]>(db.sql, claims, "list_job_kinds");
const maintain = async (tenant: string, rows = 100) => {
  const [answer] =
    await db.sql`select mayfly_private.maintain_job_kinds(${tenant}, ${rows}) as answer`;
  return answer?.answer as { more: boolean };
};
const url = { type: "object", properties: { url: { type: "string" } }, required: ["url"] };
const made = async () => {
  const tenant = await makeWorkTenant(db.sql);
  return { tenant, worker: await makeWorker(db.sql, tenant) };
};

describe("publishing kinds of jobs", () => {
  it("stores each with its schema, and says of which workflow, version or agent it is", async () => {
    const { worker } = await made();
    const kinds = [
      { name: "outline", description: "Outlines a page.", input_schema: url },
      { name: "workflow:publish:2", input_schema: {} },
      { name: "run:analyst" },
    ];
    expect(await publish(worker.claims, kinds)).toEqual({ published: 3 });
    const by = { published_by: worker.id, published_at: expect.any(String) };
    expect(await listed(worker.claims)).toEqual([
      {
        ...{ name: "outline", type: "job", title: "outline", version: null, has_schema: true },
        ...{ description: "Outlines a page.", ...by },
      },
      {
        ...{ name: "run:analyst", type: "agent", title: "analyst", version: null },
        ...{ has_schema: false, description: null, ...by },
      },
      {
        ...{ name: "workflow:publish:2", type: "workflow", title: "publish", version: "2" },
        ...{ has_schema: true, description: null, ...by },
      },
    ]);
    const get = (name: string) => rpc(db.sql, worker.claims, "get_job_kind", { name });
    expect(await get("outline")).toMatchObject({ name: "outline", input_schema: url });
    expect(await get("run:analyst")).toMatchObject({ input_schema: null });
    expect(await get("unknown")).toBeNull();
  });

  it("writes only what differs, and counts its bytes once", async () => {
    const { tenant, worker } = await made();
    const other = await makeWorker(db.sql, tenant);
    const before = await storedBy(db.sql, worker.claims);
    const kinds = [{ name: "a", input_schema: url }, { name: "b" }];
    await publish(worker.claims, kinds);
    const after = await storedBy(db.sql, worker.claims);
    expect(after.bytes).toBeGreaterThan(before.bytes + 1_024);
    expect(await publish(other.claims, kinds)).toEqual({ published: 0 });
    expect(await storedBy(db.sql, worker.claims)).toEqual(after);
    expect(
      await publish(other.claims, [{ name: "b", description: "New." }, ...kinds.slice(0, 1)]),
    ).toEqual({ published: 1 });
    const [a, b] = await listed(worker.claims);
    expect([a?.published_by, b?.published_by]).toEqual([worker.id, other.id]);
    await publish(worker.claims, kinds);
    expect(await storedBy(db.sql, worker.claims)).toEqual(after);
    const sum = db.sql`select sum(bytes)::integer as bytes from mayfly.job_kinds where tenant_id = ${tenant}`;
    expect(after.bytes - before.bytes).toBe((await sum)[0]?.bytes);
  });

  it("is counted once if many workers with the same code start at the same time", async () => {
    const { tenant, worker } = await made();
    const others = await Promise.all(Array.from({ length: 6 }, () => makeWorker(db.sql, tenant)));
    const before = await storedBy(db.sql, worker.claims);
    const kinds = Array.from({ length: 20 }, (_, n) => ({ name: `k${n}`, input_schema: url }));
    await Promise.all(others.map(({ claims }) => publish(claims, kinds)));
    const { bytes } = await storedBy(db.sql, worker.claims);
    const [stored] =
      await db.sql`select sum(bytes)::integer as bytes, count(*)::integer as kinds from mayfly.job_kinds where tenant_id = ${tenant}`;
    expect(stored).toEqual({ kinds: 20, bytes: bytes - before.bytes });
  });

  it("refuses what is no kind, with its place and field, and stores nothing", async () => {
    const { worker } = await made();
    const long = { type: "object", description: "x".repeat(16_384) };
    const deep = JSON.parse(`${'{"not":'.repeat(33)}{}${"}".repeat(33)}`);
    for (const [fault, field] of [
      [{ name: "spaces are not" }, "name"],
      [{ description: "No name." }, "name"],
      [{ name: "fine" }, "name"],
      ["fine", "name"],
      [{ name: "b", schema: {} }, "schema"],
      [{ name: "b", description: "x".repeat(501) }, "description"],
      [{ name: "b", description: 7 }, "description"],
      [{ name: "b", input_schema: "string" }, "input_schema"],
      [{ name: "b", input_schema: long }, "input_schema"],
      [{ name: "b", input_schema: deep }, "input_schema"],
    ] as const) {
      const refused = await refusalOf(publish(worker.claims, [{ name: "fine" }, fault]));
      expect(refused).toMatchObject({ code: "invalid_request" });
      const details = refused.details as { index: number; field: string };
      // Of two kinds with one name, the first is named.
      expect(details).toEqual({ index: (fault as Kind).name === "fine" ? 0 : 1, field });
    }
    for (const kinds of [[], {}, null, Array.from({ length: 501 }, (_, n) => ({ name: `k${n}` }))])
      expect(await refusalOf(publish(worker.claims, kinds))).toMatchObject({
        code: "invalid_request",
        details: { field: "kinds" },
      });
    expect(await listed(worker.claims)).toEqual([]);
  });

  it("keeps at most 1,000 names for a tenant, and says so", async () => {
    const { worker } = await made();
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ name: `k${from + n}` }));
    await publish(worker.claims, many(0, 500));
    await publish(worker.claims, many(500, 500));
    expect(await refusalOf(publish(worker.claims, many(999, 2)))).toMatchObject({
      code: "quota_exceeded",
      details: { quota: "job_kinds", limit: 1_000 },
    });
    expect(await publish(worker.claims, [{ name: "k7", description: "Known." }])).toEqual({
      published: 1,
    });
    expect(await listed(worker.claims)).toHaveLength(1_000);
  });

  it("needs job:work in a tenant, and members with job:read see it, in SQL too", async () => {
    const { tenant, worker } = await made();
    await publish(worker.claims, [{ name: "outline", input_schema: url }]);
    const reader = await makeAgent(db.sql, tenant, { scopes: ["job:read"] });
    expect(await refusalOf(publish(reader.claims, [{ name: "mine" }]))).toMatchObject({
      code: "scope_missing",
    });
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    expect(await listed(viewer)).toMatchObject([{ name: "outline" }]);
    const stranger = await makePerson(db.sql, { [await makeWorkTenant(db.sql)]: "owner" });
    const seenBy = (claims: Claims) =>
      actAs(db.sql, claims, (session) => session`select name from mayfly.job_kinds`);
    expect(await seenBy(viewer)).toEqual([{ name: "outline" }]);
    expect(await seenBy(stranger)).toEqual([]);
    const planted = actAs(
      db.sql,
      worker.claims,
      (session) => session`update mayfly.job_kinds set description = 'planted'`,
    );
    expect(await refusalOf(planted)).toMatchObject({ code: "42501" });
    expect(await refusalOf(publish(serviceRole, [{ name: "all" }]))).toMatchObject({
      code: "tenant_unknown",
    });
    expect(await publish(serviceRole, [{ name: "ours" }], inTenant(tenant))).toEqual({
      published: 1,
    });
  });
});

describe("kinds that nobody publishes any more", () => {
  it("are deleted after the time kept, give back their bytes, and those that are published again stay", async () => {
    const { tenant, worker } = await made();
    const before = await storedBy(db.sql, worker.claims);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    await publish(member, [{ name: "old-1" }, { name: "old-2" }, { name: "current" }]);
    await db.advance("29 days");
    expect(await maintain(tenant)).toEqual({ more: false });
    expect(await listed(member)).toHaveLength(3);
    expect(await publish(member, [{ name: "current" }])).toEqual({ published: 1 });
    expect(await publish(member, [{ name: "current" }])).toEqual({ published: 0 });
    await db.advance("2 days");
    expect(await maintain(tenant, 1)).toEqual({ more: true });
    expect(await maintain(tenant)).toEqual({ more: false });
    expect(await listed(member)).toMatchObject([{ name: "current" }]);
    const [stored] = await db.sql`select bytes from mayfly.job_kinds where tenant_id = ${tenant}`;
    expect((await storedBy(db.sql, member)).bytes - before.bytes).toBe(stored?.bytes);
  });

  it("stay for two days even if a project keeps everything for an hour", async () => {
    const { tenant } = await made();
    const member = await makePerson(db.sql, { [tenant]: "member" });
    await db.sql`update mayfly_private.settings set kept = '1 hour'`;
    try {
      await publish(member, [{ name: "kept" }]);
      await db.advance("47 hours");
      await maintain(tenant);
      expect(await listed(member)).toMatchObject([{ name: "kept" }]);
      await db.advance("2 hours");
      await maintain(tenant);
      expect(await listed(member)).toEqual([]);
    } finally {
      await db.sql`update mayfly_private.settings set kept = '30 days'`;
    }
  });
});

it("job_kinds.sql shows who published what", async () => {
  const { tenant } = await made();
  const worker = await makeWorker(db.sql, tenant, { name: "busy" });
  const [named] = await db.sql`select name from mayfly.tenants where id = ${tenant}`;
  await publish(worker.claims, [{ name: "outline", input_schema: url }, { name: "plain" }]);
  const rows = (await inspect(db.sql, "job_kinds")).filter((row) => row.tenant === named?.name);
  expect(rows).toMatchObject([
    { name: "outline", fields: 1, has_schema: true, published_by: "busy" },
    { name: "plain", fields: 0, has_schema: false, published_by: "busy" },
  ]);
});
