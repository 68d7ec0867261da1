/** Removes Mayfly from a project: its files, and with a migration its database objects. */
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyMigrations, bootstrap, type Database, openPglite } from "@mayfly/local/internal";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silent } from "#harness/log";
import { readBareTemplate } from "#harness/template";
import { runCli, startCli } from "./run.ts";

const config = `# Mine
project_id = "theirs" # an id

[api]
schemas = ["public", "shop"] # what is exposed

[functions.checkout]
verify_jwt = true # people only
`;

let root: string;
let database: Database;
let sql: postgres.Sql;
const migrations = () => join(root, "supabase/migrations");
const apply = () => applyMigrations(database.url("postgres"), migrations());
const schemas = async () =>
  (
    await sql<{ name: string }[]>`
      select nspname as name from pg_namespace where nspname like 'mayfly%' order by 1`
  ).map(({ name }) => name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mayfly-uninstall-"));
  await mkdir(migrations(), { recursive: true });
  await writeFile(join(root, "supabase/config.toml"), config);
  await writeFile(
    join(migrations(), "20240101000000_shop.sql"),
    "create table public.shop (id int);",
  );
  const password = "only for this test";
  const template = await readBareTemplate();
  database = await openPglite({ template, passwords: password, log: silent });
  await bootstrap(database.url("supabase_admin"), password);
  sql = postgres(database.url("supabase_admin"), { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await sql?.end();
  await database?.close();
  await rm(root, { recursive: true, force: true });
});

it("mayfly uninstall says what is lost, asks for confirmation, and leaves only the database's own records", async () => {
  expect((await runCli(["init", root, "--yes"])).code).toBe(0);
  await writeFile(join(root, "supabase/mayfly/functions/spawn/index.ts"), "// mine");
  await apply();
  await sql`alter role authenticator set pgrst.db_pre_request = 'mayfly_gate.check_request'`;
  expect(await schemas()).toEqual(["mayfly", "mayfly_gate", "mayfly_private"]);

  const unasked = await runCli(["uninstall", root]);
  expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
  const no = startCli(["uninstall", root], { terminal: true });
  await no.printed(/Type "uninstall"/);
  no.child.stdin?.write("yes\r");
  expect(await no.ended).toMatchObject({ code: 1, err: "Nothing was changed.\n" });

  const done = await runCli(["uninstall", root, "--yes"]);
  expect(done.code, done.err).toBe(0);
  expect(done.out).toContain("every tenant is erased");
  expect(done.out).toContain("keep    supabase/mayfly/functions/spawn/index.ts");
  expect(await readFile(join(root, "supabase/config.toml"), "utf8")).toBe(config);
  expect(await readdir(join(root, "supabase/mayfly/functions/sync"))).toEqual([]);
  await expect(access(join(root, "supabase/.mayfly.json"))).rejects.toThrow();
  const again = await runCli(["uninstall", root, "--yes"]);
  expect(again).toMatchObject({ code: 2, err: expect.stringContaining("not installed anything") });

  const [applied] = await apply();
  expect(applied?.name).toBe("mayfly_uninstall");
  expect(await schemas()).toEqual([]);
  const [left] = await sql`
    select (select count(*)::int from pg_policies where policyname like 'mayfly%') as policies,
      (select count(*)::int from pg_db_role_setting where setconfig::text like '%mayfly%') as settings,
      to_regclass('public.shop') is not null as shop`;
  expect(left).toEqual({ policies: 0, settings: 0, shop: true });
});

it("Mayfly can be installed again with new migration numbers", async () => {
  const before = await readdir(migrations());
  expect((await runCli(["init", root, "--yes", "--force"])).code).toBe(0);
  const after = await readdir(migrations());
  expect(after.length - before.length).toBe(3);
  await apply();
  expect(await schemas()).toEqual(["mayfly", "mayfly_gate", "mayfly_private"]);
  // Nothing else has to be done.
  expect((await runCli(["init", root])).out).toContain("already");
});
