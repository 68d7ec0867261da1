/** `npm run seed`, and what `npm run dev` does with a change of SQL. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { startTestLocal, type TestLocal } from "#harness/local";
import { applyChanges, sourcesOf } from "../../scripts/dev/apply.ts";
import { seed } from "../../scripts/seed/index.ts";
import type { SqlObject } from "../../scripts/sql/objects.ts";
import { root } from "./sources.ts";

describe("npm run seed", () => {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal();
  });
  afterAll(() => local.close());

  it("fills a tenant with the same life each time, and leaves one that is there as it is", async () => {
    const into = async (name: string) => {
      const said: string[] = [];
      const options = { url: local.apiUrl, key: local.secretKey, name };
      const tenant = await seed({ ...options, say: (line) => said.push(line) });
      return { tenant, said: said.filter((line) => !line.includes("bytes")) };
    };
    const one = await into("one");
    const other = await into("other");
    expect(one.tenant).not.toBeNull();
    expect(other.said).toEqual(one.said);
    expect((await into("one")).tenant).toBeNull();

    const [made] = await local.sql`
      select
        (select count(*)::int from mayfly.agents a where a.tenant_id = ${one.tenant} and a.status = 'running') as living,
        (select count(*)::int from mayfly.agents a where a.tenant_id = ${one.tenant} and a.status = 'stopped') as stopped,
        (select count(*)::int from mayfly.memories m where m.tenant_id = ${one.tenant} and m.deleted_at is null) as memories,
        (select count(*)::int from mayfly.memory_conflicts c where c.tenant_id = ${one.tenant}) as conflicts,
        (select count(*)::int from mayfly.deliveries d where d.tenant_id = ${one.tenant} and d.acknowledged_at is null) as waiting,
        (select count(*)::int from mayfly.states s where s.tenant_id = ${one.tenant}) as states,
        (select array_agg(j.status::text order by j.status::text) from (
          select status, tenant_id from mayfly.jobs union all select status, tenant_id from mayfly.finished_jobs) j
          where j.tenant_id = ${one.tenant}) as jobs,
        (select count(*) > 0 from mayfly.debug_records r where r.tenant_id = ${one.tenant}) as debugged`;
    expect(made).toEqual({
      living: 5,
      stopped: 2,
      memories: 49,
      conflicts: 1,
      waiting: 7,
      states: 4,
      jobs: ["failed", "ready", "scheduled", "succeeded"],
      debugged: true,
    });
  });
});

describe("npm run dev", () => {
  let db: TestDatabase;
  let before: SqlObject[];
  beforeAll(async () => {
    db = await openTestDatabase();
    before = await sourcesOf(root);
  });
  afterAll(() => db.close());

  const changed = (key: string, from: string, to: string) => {
    expect(before.find((object) => object.key === key)?.text).toContain(from);
    return before.map((object) =>
      object.key === key
        ? { ...object, text: object.text.replace(from, to), hash: "changed" }
        : object,
    );
  };
  const messageOf = async () => {
    const refused = db.sql`select mayfly_private.fail(400, 'a', 'b')`;
    return refused.then(String, (error: Error) => error.message);
  };

  it("applies a changed function to the database as it runs, and a broken one not at all", async () => {
    const fail = "function mayfly_private.fail";
    const louder = changed(fail, "'message', message", "'message', upper(message)");
    expect(await applyChanges(db.sql, root, before, before)).toBe("nothing");
    expect(await applyChanges(db.sql, root, before, louder)).toBe("applied");
    expect(await messageOf()).toContain('"message": "B"');

    const broken = changed(fail, "'message', message", "'message', message, (");
    await expect(applyChanges(db.sql, root, before, broken)).rejects.toThrow(
      "mismatched parentheses",
    );
    expect(await messageOf()).toContain('"message": "B"');
  });

  it("needs a new database when a table, type or index has changed or is gone", async () => {
    const wider = changed("table mayfly.channels", "name text", "name varchar");
    expect(await applyChanges(db.sql, root, before, wider)).toBe("needs another database");
    const without = before.filter(({ key }) => key !== "table mayfly.channels");
    expect(await applyChanges(db.sql, root, before, without)).toBe("needs another database");
  });
});
