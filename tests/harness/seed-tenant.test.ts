/** `npm run seed`, and what `npm run dev` does with a change of SQL. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogOf } from "#harness/catalog";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { startTestLocal, type TestLocal } from "#harness/local";
import { seed } from "../../scripts/seed/index.ts";
import { objectsOf, type SqlObject } from "../../scripts/sql/objects.ts";
import { objectsIn, readSources } from "../../scripts/sql/releases.ts";
import { applyStatements, changesBetween } from "../../scripts/sql/source-changes.ts";
import { root } from "./sources.ts";

describe("npm run seed", () => {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal();
  });
  afterAll(() => local.close());

  it("fills a tenant with the same data each time, and leaves an existing one alone", async () => {
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
        (select jsonb_object_agg(j.status, j.jobs) from (
          select status, count(*) as jobs from (
            select status, tenant_id from mayfly.jobs union all select status, tenant_id from mayfly.finished_jobs) all_jobs
          where tenant_id = ${one.tenant} group by status) j) as jobs,
        (select array_agg(r.status::text order by r.status) from mayfly.runs r where r.tenant_id = ${one.tenant}) as runs,
        (select count(*)::int from mayfly.approvals a where a.tenant_id = ${one.tenant} and a.status = 'pending') as asked,
        (select array_agg(p.status::text order by p.status) from mayfly.polls p where p.tenant_id = ${one.tenant}) as polls,
        (select count(*) > 0 from mayfly.debug_records r where r.tenant_id = ${one.tenant}) as debugged`;
    expect(made).toEqual({
      living: 10,
      stopped: 2,
      memories: 50,
      conflicts: 1,
      waiting: 7,
      states: 5,
      jobs: { failed: 1, ready: 2, scheduled: 1, succeeded: 8, waiting: 2 },
      runs: ["running", "succeeded"],
      asked: 2,
      polls: ["closed", "open"],
      debugged: true,
    });
  });
});

describe("an interrupted seed", () => {
  it("erases its incomplete tenant, which a later seed would take for a complete one", async () => {
    const local = await startTestLocal();
    const ending = new AbortController();
    const { apiUrl: url, secretKey: key, sql } = local;
    const say = () => ending.abort(new Error("Stopped."));
    const seeding = seed({ url, key, name: "half", say, signal: ending.signal });
    await expect(seeding).rejects.toThrow("Stopped.");
    expect(await sql`select name from mayfly.tenants where name = 'half'`).toEqual([]);
    await local.close();
  });
});

describe("the command npm run seed", () => {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal();
  });
  afterAll(() => local.close());
  const seeding = (...words: string[]) => {
    const env = { ...process.env, MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey };
    return promisify(execFile)(process.execPath, [join(root, "scripts/seed.ts"), ...words], {
      env,
    });
  };

  it("says how to look at the new tenant in the console and from the shell", async () => {
    const { stdout } = await seeding("shop");
    expect(stdout).toContain("npx mayfly console --tenant shop\n");
    expect(stdout).toContain("npx mayfly use shop, and then");
  });

  it("takes no option for a name", async () => {
    const { stdout } = await seeding("--help");
    expect(stdout).toMatch(/^Usage: .*seed.* \[name\]\n[\s\S]*\nFills a tenant/);
    await expect(seeding("--bogus")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Unknown option '--bogus'\. Usage: .* \[name\]\n$/),
    });
    const names = await local.sql`select name from mayfly.tenants where name like '-%'`;
    expect(names).toEqual([]);
  });
});

describe("npm run dev", () => {
  let db: TestDatabase;
  let before: SqlObject[];
  beforeAll(async () => {
    db = await openTestDatabase();
    before = objectsIn(await readSources(root));
  });
  afterAll(() => db.close());

  const changed = (key: string, from: string, to: string) => {
    const text = before.find((object) => object.key === key)?.text ?? "";
    expect(text).toContain(from);
    const [other] = objectsOf([{ file: "", text: text.replace(from, to) }]);
    return before.map((object) => (object.key === key && other ? other : object));
  };
  const messageOf = async () => {
    const refused = db.sql`select mayfly_private.fail(400, 'a', 'b')`;
    return refused.then(String, (error: Error) => error.message);
  };

  it("says what it is for --help, and refuses an unknown option, without starting anything", async () => {
    const dev = (word: string) =>
      promisify(execFile)(process.execPath, [join(root, "scripts/dev.ts"), word]);
    expect((await dev("--help")).stdout).toMatch(
      /^Usage: .*dev.* \[--verbose\]\n[\s\S]*\nRuns the embedded Supabase/,
    );
    await expect(dev("--bogus")).rejects.toMatchObject({ code: 2, stdout: "" });
  });

  it("applies a changed function to the running database, and refuses a broken one", async () => {
    const fail = "function mayfly_private.fail";
    const apply = (after: SqlObject[]) =>
      applyStatements(db.sql, root, changesBetween(before, after) ?? []);
    expect(changesBetween(before, before)).toEqual([]);
    await apply(changed(fail, "'message', message", "'message', upper(message)"));
    expect(await messageOf()).toContain('"message": "B"');

    const broken = changed(fail, "'message', message", "'message', message, (");
    await expect(apply(broken)).rejects.toThrow("mismatched parentheses");
    expect(await messageOf()).toContain('"message": "B"');
  });

  it("ends with the same catalog as a new database, whatever was changed and changed back", async () => {
    const made = await catalogOf(db.sql);
    const without = (key: RegExp) => before.filter((object) => !key.test(object.key));
    const ways = [
      changed("function mayfly.usage", "usage()", "usage(more text default '')"),
      changed("policy agents_select on mayfly.agents", "using (", "using (true and "),
      changed(
        "trigger agents_log_insert on mayfly.agents",
        "execute function",
        "when (true) execute function",
      ),
      without(/(function|grant execute on function|comment on function) mayfly\.usage\b/),
      without(/^grant .* on (table )?mayfly\.agents /),
      without(/^comment on (function|table|column) mayfly\.(send_messages|agents)\b/),
      without(/^policy .* on mayfly\.agents$/),
    ];
    for (const other of ways) {
      expect(other).not.toEqual(before);
      await applyStatements(db.sql, root, changesBetween(before, other) ?? []);
      expect(await catalogOf(db.sql)).not.toEqual(made);
      await applyStatements(db.sql, root, changesBetween(other, before) ?? []);
      expect(await catalogOf(db.sql)).toEqual(made);
    }
  });

  it("needs a new database when a table, type or index has changed or is gone", () => {
    const wider = changed("table mayfly.channels", "name text", "name varchar");
    expect(changesBetween(before, wider)).toBeNull();
    const without = before.filter(({ key }) => key !== "table mayfly.channels");
    expect(changesBetween(before, without)).toBeNull();
  });
});
