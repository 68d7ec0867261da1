import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  makeAgent,
  makeTenant,
  refusalOf,
  rpc,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { storedBy, withinAMinute } from "#harness/usage";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const makeWriter = async (limits: Record<string, unknown>) => {
  const tenant = await makeTenant(db.sql, limits);
  return { tenant, ...(await makeAgent(db.sql, tenant, { lifetime: 600 })) };
};
const push = (claims: Claims, operations: unknown[]) =>
  actAs(
    db.sql,
    claims,
    (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
  );
const puts = (count: number, memory: Record<string, unknown> = {}) =>
  Array.from({ length: count }, () => putOf(memory));
const usageOf = (claims: Claims) =>
  rpc<{ memories: number; bytes: number; writes_this_minute: number }>(db.sql, claims, "usage");

describe("the quota of memories", () => {
  it("refuses the whole push that exceeds it", async () => {
    const { claims } = await makeWriter({ max_memories: 5 });
    await push(claims, puts(3));
    expect(await refusalOf(push(claims, puts(3)))).toMatchObject({
      code: "quota_exceeded",
      details: { quota: "memories", limit: 5 },
    });
    await push(claims, puts(2));
    expect(await usageOf(claims)).toMatchObject({ memories: 5 });
  });

  it("charges nothing for what was already pushed", () =>
    withinAMinute(db, async () => {
      const { claims } = await makeWriter({ max_memories: 2 });
      const operations = puts(2);
      for (let n = 0; n < 3; n++) await push(claims, operations);
      expect(await usageOf(claims)).toMatchObject({ memories: 2, writes_this_minute: 2 });
    }));

  it("also counts rows that the owner writes without sync", async () => {
    const { tenant, id } = await makeWriter({ max_memories: 0 });
    const insert = db.sql`
      insert into mayfly.memories (tenant_id, id, pushed_by, task) values (${tenant}, gen_random_uuid(), ${id}, 'x')`;
    expect(await codeOf(insert)).toBe("quota_exceeded");
  });
});

describe("the quota of bytes", () => {
  it("counts text and vectors, and frees what is forgotten", async () => {
    const { tenant, claims } = await makeWriter({ max_bytes: 20_000 });
    const long = putOf({ input: "x".repeat(10_000) });
    await push(claims, [{ ...long, embedding: Array(384).fill(0.1), model: "m" }]);
    const { bytes } = await usageOf(claims);
    expect(bytes).toBeGreaterThan(10_000 + 512 + 800);
    expect(bytes).toBeLessThan(11_500);
    expect(await refusalOf(push(claims, puts(1, { input: "y".repeat(10_000) })))).toMatchObject({
      code: "quota_exceeded",
      details: { quota: "bytes", limit: 20_000 },
    });
    await push(claims, [deleteOf(long.memory.id)]);
    expect((await usageOf(claims)).bytes).toBeLessThan(700);
    await push(claims, puts(1, { input: "y".repeat(10_000) }));

    const counted = await storedBy(db.sql, claims);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect(await storedBy(db.sql, claims)).toEqual(counted);
  });

  it("frees everything that it charged for compressed values", async () => {
    const { tenant, claims } = await makeWriter({});
    const before = (await usageOf(claims)).bytes;
    const tags = Array.from({ length: 50 }, (_, n) => `${n}`.padEnd(100, "x"));
    const put = putOf({ task: "x", tags, metadata: { text: "x".repeat(60_000) } });
    await push(claims, [put]);
    const counted = await usageOf(claims);
    expect(counted.bytes).toBeGreaterThan(before + 65_000);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect((await usageOf(claims)).bytes).toBe(counted.bytes);
    await push(claims, [deleteOf(put.memory.id)]);
    expect((await usageOf(claims)).bytes).toBeLessThan(before + 700);
  });

  it("counts open conflicts, and frees them", async () => {
    const { tenant, id, claims } = await makeWriter({ max_bytes: 20_000 });
    const put = putOf({ output: "as it is" });
    await push(claims, [put]);
    const before = await usageOf(claims);
    const wanted = (letter: string) =>
      updateOf(
        put.memory.id,
        { output: letter.repeat(8_000) },
        { base: { output: "as it was" }, resolve: "manual" },
      );
    await push(claims, [wanted("a")]);
    await push(claims, [wanted("b")]);
    expect((await usageOf(claims)).bytes).toBeGreaterThan(before.bytes + 16_000);
    expect(await codeOf(push(claims, [wanted("c")]))).toBe("quota_exceeded");
    const past = db.sql`
      insert into mayfly.memory_conflicts (tenant_id, memory_id, field, wanted, hlc, op_id, pushed_by)
      select ${tenant}, ${put.memory.id}, 'output', to_jsonb(repeat('x', 9000)), '', gen_random_uuid(), ${id}`;
    expect(await codeOf(past)).toBe("quota_exceeded");
    const counted = await usageOf(claims);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect((await usageOf(claims)).bytes).toBe(counted.bytes);
    await push(claims, [deleteOf(put.memory.id)]);
    expect((await usageOf(claims)).bytes).toBeLessThan(before.bytes);
  });

  it("lets a full tenant forget", async () => {
    const { tenant, claims } = await makeWriter({});
    const put = putOf();
    await push(claims, [put]);
    await db.sql`update mayfly.tenants set max_bytes = 0, max_memories = 0 where id = ${tenant}`;
    expect(await codeOf(push(claims, puts(1)))).toBe("quota_exceeded");
    await push(claims, [deleteOf(put.memory.id)]);
  });
});

describe("the rate of writes", () => {
  it("counts operations that change nothing, once each", () =>
    withinAMinute(db, async () => {
      const { claims } = await makeWriter({});
      const put = putOf();
      await push(claims, [put]);
      const writes = async () => (await usageOf(claims)).writes_this_minute;
      const before = await writes();
      const gone = [deleteOf(randomUUID()), updateOf(randomUUID(), { reward: 1 })];
      await push(claims, gone);
      expect(await writes()).toBe(before + 2);
      await push(claims, gone);
      expect(await writes()).toBe(before + 2);
      await push(claims, [updateOf(put.memory.id, { reward: 1 })]);
      await push(claims, [deleteOf(put.memory.id)]);
      expect(await writes()).toBe(before + 4);
    }));

  it("refuses writes that come too fast, and says when to try again", async () => {
    const { claims } = await makeWriter({ writes_per_minute: 1000 });
    await db.freeze();
    await push(claims, puts(900));
    const refusal = await refusalOf(push(claims, puts(101)));
    expect(refusal).toMatchObject({
      code: "rate_limited",
      details: { quota: "writes_per_minute", limit: 1000 },
    });
    const { retry_after } = refusal.details as { retry_after: number };
    expect(retry_after).toBeGreaterThanOrEqual(1);
    expect(retry_after).toBeLessThanOrEqual(60);
    await db.advance("1 minute");
    await push(claims, puts(101));
    await db.thaw();
  });
});
