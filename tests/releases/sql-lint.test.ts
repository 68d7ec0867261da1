/** Rules for all SQL: the linter of `npm run check`, and plpgsql_check if it is installed. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

const repository = join(import.meta.dirname, "../..");

describe("the linter of SQL", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "mayfly-lint-"));
    const config = "postgres-language-server.jsonc";
    await cp(join(repository, config), join(root, config));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** The linter's output for a file, as in `npm run check`. Empty if the file is correct. */
  async function lint(text: string): Promise<string> {
    await writeFile(join(root, "one.sql"), text);
    const tool = join(repository, "node_modules/.bin/postgrestools");
    const words = ["check", "--disable-db", "--error-on-warnings", "one.sql"];
    return promisify(execFile)(tool, words, { cwd: root }).then(
      () => "",
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    );
  }

  it("reads the bodies of functions, in PL/pgSQL and in SQL", async () => {
    const source = await readFile(join(repository, "sql/base/functions/is_timely.sql"), "utf8");
    expect(await lint(source)).toBe("");
    expect(await lint(source.replace("return case", "return cas"))).toContain("syntax");
    const plain =
      "create function s.one() returns int language sql set search_path = '' return (select 1);";
    expect(await lint(plain)).toBe("");
    expect(await lint(plain.replace("(select 1)", "(selec 1)"))).toContain("syntax");
  });

  it("finds statements in a handwritten upgrade that lose data or lock a table for long", async () => {
    expect(await lint("alter table mayfly.agents add column note text;")).toBe("");
    for (const [statement, rule] of [
      ["alter table mayfly.agents drop column task;", "banDropColumn"],
      ["drop table mayfly.agents;", "banDropTable"],
      ["alter table mayfly.agents alter column task type varchar(10);", "changingColumnType"],
      [
        "alter table mayfly.agents add constraint c check (depth > 0);",
        "constraintMissingNotValid",
      ],
      ["alter table mayfly.agents rename column task to job;", "renamingColumn"],
    ] as const)
      expect(await lint(statement)).toContain(rule);
  });
});

describe.skipIf(!databaseUrl)("plpgsql_check, on Postgres 17,", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    await db.sql`create extension if not exists plpgsql_check`;
  });
  afterAll(() => db?.close());

  /** Expected findings: about objects that not every database has, or that are known only at run time. */
  const known = [
    // These tables are read only if to_regclass says that they exist.
    'mayfly_private.installation(): relation "cron.job" does not exist',
    'mayfly_private.read_secret(text,text): relation "vault.decrypted_secrets" does not exist',
    'mayfly_private.request_drains(): relation "vault.decrypted_secrets" does not exist',
    'mayfly_private.request_jobs(text): relation "vault.decrypted_secrets" does not exist',
    'mayfly_private.schedule_job_function(text,text,integer): relation "vault.decrypted_secrets" does not exist',
    'mayfly_private.unschedule_job_function(text): relation "cron.job" does not exist',
    // These records are rows of tables whose names come from the catalog.
    'mayfly_private.export_tenant(jsonb,integer): record "line" is not assigned yet',
    'mayfly_private.import_tenant(json): record "done" is not assigned yet',
    // One function for the triggers of many tables. Only tables whose updates it meters have an id.
    "mayfly_private.meter_rows(): column o.id does not exist",
  ];

  it("finds no missing name, column or type in any body", async () => {
    const found = await db.sql`
      select format('%s: %s', p.oid::regprocedure, c.message) as fault
      from pg_proc p
      join pg_language l on l.oid = p.prolang
      left join lateral (
        select t.tgrelid as relation, max(t.tgoldtable) over () as old, max(t.tgnewtable) over () as new
        from pg_trigger t where t.tgfoid = p.oid order by t.oid limit 1) t on true
      cross join lateral plpgsql_check_function_tb(p.oid, coalesce(t.relation, 0), oldtable => t.old, newtable => t.new) c
      where l.lanname = 'plpgsql' and c.level = 'error'
        and p.pronamespace in ('mayfly'::regnamespace, 'mayfly_private'::regnamespace, 'mayfly_gate'::regnamespace)
      order by 1`;
    expect(found.map(({ fault }) => fault).filter((fault) => !known.includes(fault))).toEqual([]);
  });

  it("would find a missing name", async () => {
    await db.sql`create function mayfly_private.wrong() returns int language plpgsql set search_path = ''
      as 'begin return (select a.nowhere from mayfly.agents a); end'`;
    const [row] = await db.sql`
      select message from plpgsql_check_function_tb('mayfly_private.wrong()')`;
    expect(row?.message).toBe("column a.nowhere does not exist");
  });
});
