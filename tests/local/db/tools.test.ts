import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../../local/src/db/index.ts";
import { connect, open } from "./harness.ts";

const run = promisify(execFile);
const PSQL = "/usr/bin/psql";
const CLI = join(import.meta.dirname, "../../../node_modules/.bin/supabase");
const project = mkdtempSync(join(tmpdir(), "mayfly-cli-"));
let database: Database;

beforeAll(async () => {
  database = await open();
  const admin = connect(database, "supabase_admin");
  await admin.unsafe("grant all on schema public to postgres");
  await admin.end();
  mkdirSync(join(project, "supabase/migrations"), { recursive: true });
  writeFileSync(
    join(project, "supabase/migrations/20260101000000_first.sql"),
    "create table public.made (id int primary key);",
  );
});
afterAll(async () => {
  await database.close();
  rmSync(project, { recursive: true, force: true });
});

test.skipIf(!existsSync(PSQL))(
  "psql describes a table, survives a failing statement and runs a transaction (skipped without psql)",
  async () => {
    const url = database.url("postgres");
    const script = ["create table seen (a int primary key)", "\\d seen", "select 1/0", "select 42"];
    const { stdout, stderr } = await run(PSQL, [
      url,
      ...script.flatMap((command) => ["-c", command]),
    ]);
    expect(stdout).toContain('"seen_pkey" PRIMARY KEY');
    expect(stdout).toContain("42");
    expect(stderr).toContain("division by zero");
    const inTransaction = ["begin", "insert into seen values (1)", "rollback", "table seen"];
    const second = await run(PSQL, [url, ...inTransaction.flatMap((c) => ["-c", c])]);
    expect(second.stdout).toContain("(0 rows)");
  },
);

test("the Supabase CLI pushes a migration and lists it", async () => {
  const cli = async (...args: string[]) => {
    const url = ["--db-url", database.url("postgres")];
    return (await run(CLI, [...args, ...url], { cwd: project, timeout: 30_000 })).stdout;
  };
  expect(await cli("migration", "list")).toContain("20260101000000");
  await cli("db", "push", "--yes");
  expect((await cli("migration", "list")).match(/20260101000000/g)).toHaveLength(2);
  expect(await cli("gen", "types", "typescript")).toMatch(/\bmade"?: \{/);
});
