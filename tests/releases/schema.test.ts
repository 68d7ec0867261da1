/** sql/schema.sql shows a reviewer what a change of SQL does to the database. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPgliteDatabase, type TestDatabase } from "#harness/database";
import { dumpSchema } from "../../scripts/sql/dump.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openPgliteDatabase();
});
afterAll(() => db?.close());

describe("sql/schema.sql", () => {
  it("matches the migrations (npm run build:types)", async () => {
    const committed = await readFile(join(import.meta.dirname, "../../sql/schema.sql"), "utf8");
    const made = await dumpSchema(db.sql);
    const lines = new Set(committed.split("\n"));
    expect(made.split("\n").filter((line) => !lines.has(line))).toEqual([]);
    expect(made).toBe(committed);
  });

  it("shows a new column, policy, grant, index and parameter", async () => {
    const before = new Set((await dumpSchema(db.sql)).split("\n"));
    await db.sql.unsafe(`
      alter table mayfly.agents add column note text not null default 'none';
      create index agents_note_idx on mayfly.agents (tenant_id, note);
      create policy agents_more on mayfly.agents for select to anon using (false);
      grant select on mayfly.agents to anon;
      create function mayfly.more(n integer default 1) returns integer language sql stable security definer
        set search_path = '' return n`);
    const added = (await dumpSchema(db.sql)).split("\n").filter((line) => !before.has(line));
    expect(added).toEqual([
      "  note text not null default 'none'::text,",
      "CREATE INDEX agents_note_idx ON mayfly.agents USING btree (tenant_id, note);",
      "create policy agents_more on mayfly.agents for select to anon",
      "  using (false);",
      "grant select on table mayfly.agents to anon;",
      "create function mayfly.more(n integer DEFAULT 1)",
      // Everybody can call a new function until the end of the migration, which revokes this right.
    ]);
  });
});
