/** From one release to the next: the migration made from the differences, and the database after it. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogOf } from "#harness/catalog";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { objectsOf } from "../../scripts/sql/objects.ts";
import { buildMigrations, readSources, release } from "../../scripts/sql/releases.ts";
import { closing, releasedOf, upgradeFrom } from "../../scripts/sql/upgrade.ts";

const repository = join(import.meta.dirname, "../..");
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mayfly-release-"));
  await mkdir(join(root, "supabase/migrations"), { recursive: true });
  await cp(join(repository, "sql"), join(root, "sql"), { recursive: true });
  await rm(join(root, "sql/upgrades"), { recursive: true });
  // The repository is as it was before the first release, whatever has been released since.
  await writeFile(
    join(root, "sql/releases.json"),
    JSON.stringify({ released: [], next: { version: "0.1.0", number: "20261121000000" } }),
  );
  await buildMigrations(root, false);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const sql = `
create schema s;
create table s.things (id int primary key);
-- Doubles.
create function s.double(n int)
returns int
language sql immutable
set search_path = ''
return n * 2;
comment on function s.double is 'Doubles.';
grant execute on function s.double to authenticated;
create function s.quadruple(n int)
returns int
language sql immutable
set search_path = ''
return s.double(s.double(n));
create policy things_select on s.things for select to authenticated using (s.quadruple(id) > 0);
`;
const of = (text: string) => objectsOf([{ file: "s.sql", text }]);
const from = (text: string, byHand: string | null = null, before = sql) =>
  upgradeFrom(releasedOf(of(before)), of(text), byHand).main.join("\n");

describe("the migration from a release to the sources", () => {
  it("is empty if only comments and the order of files differ", () => {
    expect(from(sql.replace("-- Doubles.", "-- Twice."))).toBe("");
  });

  it("is empty if a comment or a grant names parameters that it does not have to name", () => {
    expect(from(sql.replace("grant execute on function s.double", "$&(int)"))).toBe("");
    expect(from(sql.replace("comment on function s.double", "$&(\n  int) "))).toBe("");
  });

  it("replaces a function with a changed body, and leaves its grants alone", () => {
    expect(from(sql.replace("n * 2", "2 * n"))).toBe(
      "set local lock_timeout = '5s';\n-- Doubles.\ncreate or replace function s.double(n int)\nreturns int\nlanguage sql immutable\nset search_path = ''\nreturn 2 * n;\nrevoke execute on all functions in schema mayfly, mayfly_private from public;",
    );
  });

  it("drops a function with changed parameters and all that depends on it, and creates them again", () => {
    const made = from(sql.replace("double(n int)", "double(n int, more int default 0)"));
    const drops = made.match(/^drop .*$/gm);
    expect(drops).toEqual([
      "drop policy if exists things_select on s.things;",
      "drop function if exists s.quadruple;",
      "drop function if exists s.double;",
    ]);
    expect(made).toContain("grant execute on function s.double to authenticated;");
    expect(made).toContain("create policy things_select");
  });

  it("revokes a removed grant, and drops a removed function", () => {
    const without = sql.replace(/grant .*\n/, "");
    expect(from(without)).toContain("revoke execute on function s.double from authenticated;");
    const gone = sql.replace(/create function s\.quadruple[\s\S]*?;\n(?=create policy)/, "");
    expect(from(gone.replace("s.quadruple(id)", "id"))).toMatch(
      /drop policy [\s\S]*drop function if exists s\.quadruple;\nrevoke .*$/,
    );
  });

  it("removes the comment that a source no longer has, unless its column or function is gone", () => {
    expect(from(sql.replace(/comment .*\n/, ""))).toContain(
      "comment on function s.double is null;",
    );
    const described = `${sql}comment on column s.things.id is 'A number.';`;
    expect(from(sql, null, described)).toContain("comment on column s.things.id is null;");
    const renamed = sql.replace("(id int primary key)", "(number int primary key)");
    expect(from(renamed, "alter table s.things rename id to number;", described)).not.toContain(
      "is null;",
    );
  });

  it("creates new tables, and requires a handwritten part if a table changes", () => {
    expect(from(`${sql}create table s.more (id int);`)).toContain("create table s.more");
    const changed = sql.replace("(id int primary key)", "(id int primary key, name text)");
    expect(() => from(changed)).toThrow("sql/upgrades must say how data follows: table s.things");
    expect(from(changed, "alter table s.things add name text;")).toContain("add name text;");
  });

  it("requires a handwritten part if stored values depend on a changed function", () => {
    const stored = `${sql}create table s.sums (n int, twice int generated always as (s.double(n)) stored);`;
    const changed = stored.replace("n * 2", "n * 3");
    expect(() => from(changed, "select 1;", stored)).toThrow(/depend on function s\.double/);
    expect(from(changed, "-- anchored: s.double\nselect 1;", stored)).toContain("n * 3");
  });

  it("ends with one revoke for all functions, and refuses one of a single function", () => {
    const single = `${sql}revoke execute on function s.double(int) from public;`;
    expect(() => of(single)).toThrow(/^s\.sql: each migration ends with one revoke for all/);
  });

  it("limits the wait for locks in each file that has anything else", () => {
    const receive =
      "create policy mayfly_receive on realtime.messages for select to authenticated using (true);";
    const both = upgradeFrom(
      releasedOf(of(sql)),
      of(`${sql}${receive}create table s.more (id int);`),
      null,
    );
    for (const statements of [both.main, both.realtime])
      expect(statements[0]).toBe("set local lock_timeout = '5s';");
    expect(both.realtime.join()).toContain("create policy mayfly_receive");
    expect(
      upgradeFrom(releasedOf(of(sql)), of(`${sql}create table s.more (id int);`), null).realtime,
    ).toEqual([]);
  });

  it("refuses statements in the handwritten part that cannot run in a transaction", () => {
    for (const statement of [
      "create index concurrently things_idx on s.things (id);",
      "vacuum s.things;",
      "begin;\nselect 1;",
      "select 1;\ncommit;",
    ])
      expect(() => from(sql, statement)).toThrow("a migration is one transaction");
    expect(from(sql, "-- not concurrently\nselect 'begin';")).toContain("select 'begin';");
  });

  it("refuses an unknown kind of statement", () => {
    expect(() => of("alter role authenticated set x = 'y';")).toThrow(
      /^s\.sql: a statement of a new kind/,
    );
  });
});

describe("a release", () => {
  it("freezes its migrations, and the check reports a changed or missing file", async () => {
    expect(await buildMigrations(root, true)).toEqual({ written: [], wrong: [] });
    expect(await release(root, "0.2.0", new Date("2027-01-01"))).toBe("0.1.0");
    expect(await buildMigrations(root, true)).toEqual({ written: [], wrong: [] });

    const file = "supabase/migrations/20261121000000_mayfly.sql";
    const text = await readFile(join(root, file), "utf8");
    await writeFile(join(root, file), `${text}\n`);
    expect((await buildMigrations(root, true)).wrong).toEqual([
      `${file} was released with 0.1.0 and cannot change: change sql/ instead.`,
    ]);
    await rm(join(root, file));
    expect((await buildMigrations(root, true)).wrong).toEqual([
      `${file} is gone, and 0.1.0 was released with it.`,
    ]);
    await writeFile(join(root, file), text);
  });

  it("is followed by a migration with only the differences", async () => {
    const source = join(root, "sql/base/functions/fail.sql");
    const text = await readFile(source, "utf8");
    await writeFile(source, text.replace("begin", "begin\n  null;"));
    expect(await buildMigrations(root, true)).toMatchObject({
      wrong: [
        "supabase/migrations/20270101000000_mayfly_0_2_0.sql is not what sql/ gives: run npm run build:migrations",
      ],
    });
    expect((await buildMigrations(root, false)).written).toEqual([
      "supabase/migrations/20270101000000_mayfly_0_2_0.sql",
    ]);
    await writeFile(source, text);
    await buildMigrations(root, false);
    expect(await buildMigrations(root, true)).toEqual({ written: [], wrong: [] });
  });
});

describe("a database of a release with the next release's migration", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it("has the catalog of the sources", async () => {
    const sources = await readSources(repository);
    /** Makes the previous release from today's sources, with these differences. */
    const differences: [file: string, change: (text: string) => string][] = [
      ["/caller.sql", (text) => text.replace("begin", "begin\n  null;")],
      // Every policy depends on this function.
      ["/tenant_ids.sql", (text) => text.replace("default null", "default 'other'")],
      [
        "/log_members.sql",
        (text) => text.replace("create trigger members_log_insert", "create trigger members_told"),
      ],
      [
        "/caller_id.sql",
        (text) => `${text}grant execute on function mayfly_private.caller_id to anon;`,
      ],
      ["/fail.sql", (text) => `${text}${gone}`],
    ];
    const before = sources.map(({ file, text }) => {
      const change = differences.find(([end]) => file.endsWith(end))?.[1];
      if (change) expect(change(text)).not.toBe(text);
      return { file, text: change ? change(text) : text };
    });
    const { main, realtime } = upgradeFrom(releasedOf(objectsOf(before)), objectsOf(sources), null);

    const expected = await catalogOf(db.sql);
    await db.sql.begin(async (sql) => {
      await sql`set local role postgres`;
      await sql.unsafe(`drop policy mayfly_receive on realtime.messages;
        drop policy mayfly_send on realtime.messages;
        drop schema mayfly, mayfly_private cascade`);
      for (const { text } of before) await sql.unsafe(text);
      await sql.unsafe(closing);
      expect(await catalogOf(sql)).not.toEqual(expected);
      await sql.unsafe([...main, ...realtime].join("\n"));
      expect(await catalogOf(sql)).toEqual(expected);
    });
  });
});

const gone = `
create function mayfly_private.gone()
returns int
language sql
set search_path = ''
return 1;
comment on function mayfly_private.gone is 'Gone with the next release.';
`;
