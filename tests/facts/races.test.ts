/**
 * Many simultaneous writers about the same entities. These tests need a real Postgres, because on PGlite
 * the writers would wait for each other anyway.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, makeTenant, rpc } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

describe.skipIf(!databaseUrl)("concurrent writers of facts", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("make one entity for each name, and leave one current fact and a history without gaps", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    const say = (n: number) =>
      rpc(db.sql, claims, "record_facts", {
        facts: [
          { subject: "Ada", predicate: "works at", object: `Company ${n % 4}` },
          { subject: `Company ${n % 4}`, predicate: "employs", object: "Ada", many: true },
        ] as never,
      });
    await Promise.all(Array.from({ length: 40 }, (_, n) => say(n)));
    const names =
      await db.sql`select count(*)::int as n, count(distinct name)::int as names from mayfly.entities where tenant_id = ${tenant}`;
    expect(names[0]).toEqual({ n: 5, names: 5 });
    const open = await db.sql`
      select predicate, count(*)::int as n from mayfly.facts where tenant_id = ${tenant} and valid_to is null group by 1 order by 1`;
    expect([...open]).toEqual([
      { predicate: "employs", n: 4 },
      { predicate: "works_at", n: 1 },
    ]);
    const broken = await db.sql`
      select from mayfly.facts f where f.tenant_id = ${tenant} and f.predicate = 'works_at' and f.valid_to is not null
        and not exists (select from mayfly.facts n where n.tenant_id = f.tenant_id and n.id = f.superseded_by and n.valid_from = f.valid_to)`;
    expect(broken).toHaveLength(0);
  });

  it("merge and record without a deadlock, and lose no fact", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["fact:read", "fact:write"] });
    const record = (facts: unknown[]) =>
      rpc<{ subject: string }[]>(db.sql, claims, "record_facts", { facts: facts as never });
    const [a, b] = await record([
      { subject: "A", predicate: "is", value: 1 },
      { subject: "B", predicate: "is", value: 1 },
    ]);
    await Promise.all([
      ...Array.from({ length: 20 }, (_, n) =>
        record([{ subject: n % 2 ? "A" : "B", predicate: "saw", value: n, many: true }]),
      ),
      rpc(db.sql, claims, "merge_entities", { id: a?.subject, into_id: b?.subject }),
    ]);
    const [row] = await db.sql`
      select count(*)::int as facts, count(distinct subject_id)::int as subjects from mayfly.facts where tenant_id = ${tenant} and predicate = 'saw'`;
    expect(row).toEqual({ facts: 20, subjects: 1 });
  });
});
