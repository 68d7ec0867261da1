/** A database of 0.1.0 that is full of data gets the migrations of the next release. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyMigrations } from "@mayfly/local/internal";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, rpc } from "#harness/callers";
import { catalogOf } from "#harness/catalog";
import { openPgliteDatabase, openPostgresDatabase } from "#harness/database";
import { migrationsFolder } from "#harness/template";
import { readSources } from "../../scripts/sql/releases.ts";
import { closing } from "../../scripts/sql/upgrade.ts";
import {
  brokenPromises,
  checksumsOf,
  promisesOf,
  type Tables,
  tablesOf,
  withoutGenerated,
} from "./data.ts";
import { type Opened, projects } from "./databases.ts";
import { type Filled, fillDatabase } from "./fill-0.1.0.ts";
import { copyMigrations } from "./old-clients.ts";

const version = "0.1.0";
const repository = join(import.meta.dirname, "../..");

/** Rows that an upgrade changes on purpose, as `schema.table.column` or `rows of schema.table`, with the reason. */
const changedOnPurpose: Record<string, string> = {};

let before: string;
beforeAll(async () => {
  before = await mkdtemp(join(tmpdir(), "mayfly-upgrade-"));
  await copyMigrations(version, before);
});
afterAll(() => rm(before, { recursive: true, force: true }));

for (const { name, open, here } of projects)
  describe.skipIf(!here)(`a database of ${version} that is full of data, on ${name},`, () => {
    let db: Opened;
    let filled: [Filled, Filled];
    let old: {
      catalog: string[];
      tables: Tables;
      sums: Record<string, string>;
      exported: Exported;
      promises: Awaited<ReturnType<typeof promisesOf>>;
      scopes: { name: string; roles: string[]; agents: boolean }[];
    };
    const scopesOf = async () => [
      ...(await db.sql<{ name: string; roles: string[]; agents: boolean }[]>`
        select name, roles, agents from mayfly.scopes order by name`),
    ];
    beforeAll(async () => {
      db = await open();
      await applyMigrations(db.url, before);
      filled = await fillDatabase(db.sql);
      const tables = await tablesOf(db.sql);
      old = {
        tables,
        catalog: await catalogOf(db.sql),
        sums: await checksumsOf(db.sql, tables),
        exported: await exportOf(filled[0].owner),
        promises: await promisesOf(db.sql),
        scopes: await scopesOf(),
      };
    });
    afterAll(() => db?.close());

    type Exported = { table: string; row: Record<string, unknown> }[];
    async function exportOf(owner: Claims): Promise<Exported> {
      const lines: Exported = [];
      let after: unknown = null;
      for (let more = true; more; ) {
        const page = await rpc<{ lines: Exported; after: unknown; more: boolean }>(
          db.sql,
          owner,
          "export_tenant",
          { after: after as never, page_limit: 50 },
        );
        lines.push(...page.lines);
        ({ after, more } = page);
      }
      return lines;
    }

    it("has rows in every table", () => {
      const empty = Object.keys(old.tables).filter((table) => old.sums[`rows of ${table}`] === "0");
      expect(empty).toEqual([]);
    });

    it("is unchanged when a migration fails in the middle, or at its last statement", async () => {
      const released = await readdir(before);
      const all = (await readdir(migrationsFolder)).sort();
      const next = all.filter((file) => !released.includes(file));
      expect(next.length).toBeGreaterThan(0);
      const broken = await mkdtemp(join(tmpdir(), "mayfly-broken-"));
      try {
        await copyMigrations(version, broken);
        const [file = ""] = next;
        const text = await readFile(join(migrationsFolder, file), "utf8");
        for (const at of [text.length, text.lastIndexOf("\ncreate ", text.length / 2)]) {
          const torn = `${text.slice(0, at)}\nselect 1 / 0;\n${text.slice(at)}`;
          await writeFile(join(broken, file), torn);
          await expect(applyMigrations(db.url, broken)).rejects.toThrow("division by zero");
          expect(await catalogOf(db.sql)).toEqual(old.catalog);
          expect(await checksumsOf(db.sql, old.tables)).toEqual(old.sums);
        }
      } finally {
        await rm(broken, { recursive: true });
      }
    });

    it("has the same catalog as a database made from the sources, and as one made by all migrations", async () => {
      await applyMigrations(db.url, migrationsFolder);
      const upgraded = await catalogOf(db.sql);
      // An upgraded project keeps its settings.
      const own = (line: string) => line.replace(/"announce_rate": \d+/, "");
      const compare = (other: string[]) => {
        const [ours, theirs] = [upgraded, other].map((lines) => new Set(lines.map(own)));
        // Compares only the lines that differ, because a failure with the whole catalogs would print 9,000 lines.
        expect({
          upgraded: [...(ours ?? [])].filter((line) => !theirs?.has(line)),
          made: [...(theirs ?? [])].filter((line) => !ours?.has(line)),
        }).toEqual({ upgraded: [], made: [] });
      };
      const ofMigrations = await (name === "PGlite" ? openPgliteDatabase : openPostgresDatabase)();
      try {
        compare(await catalogOf(ofMigrations.sql));
      } finally {
        await ofMigrations.close();
      }
      const ofSources = await open();
      try {
        await ofSources.sql.begin(async (sql) => {
          await sql`set local role postgres`;
          for (const { text } of await readSources(repository)) await sql.unsafe(text);
          await sql.unsafe(closing);
        });
        compare(await catalogOf(ofSources.sql));
      } finally {
        await ofSources.close();
      }
    });

    it("keeps its data", async () => {
      const sums = await checksumsOf(db.sql, old.tables);
      const changed = Object.keys(old.sums).filter((key) => sums[key] !== old.sums[key]);
      // Each release writes the scopes again.
      const data = changed.filter((key) => !key.includes("mayfly.scopes"));
      expect(data.sort()).toEqual(Object.keys(changedOnPurpose).sort());
    });

    it("keeps its scopes, for the same roles", async () => {
      const scopes = await scopesOf();
      expect(scopes.filter(({ name }) => old.scopes.some((one) => one.name === name))).toEqual(
        old.scopes,
      );
    });

    it("accepts and returns the same as before, for callers of the previous release", async () => {
      expect(brokenPromises(old.promises, await promisesOf(db.sql))).toEqual([]);
    });

    it("exports the same as before", async () => {
      const line = keyOf(await withoutGenerated(db.sql, old.tables));
      const now = new Set((await exportOf(filled[0].owner)).map(line));
      const lost = old.exported.map(line).filter((one) => !now.has(one));
      expect(lost).toEqual([]);
      expect(old.exported.length).toBeGreaterThan(200);
    });

    it("erases a whole tenant, and nothing of others", async () => {
      const ofTenant = ({ tenant }: Filled, tables: Tables) =>
        checksumsOf(db.sql, tables, (columns) =>
          columns.includes("tenant_id") ? `tenant_id = '${tenant}'` : "false",
        );
      const tables = await tablesOf(db.sql);
      const [first, second] = filled;
      const others = await ofTenant(second, tables);
      const named = await db.sql`select name from mayfly.tenants where id = ${first.tenant}`;
      for (let erased = false; !erased; )
        ({ erased } = await rpc<{ erased: boolean }>(db.sql, first.owner, "erase_tenant", {
          name: named[0]?.name,
        }));
      const left = Object.entries(await ofTenant(first, tables)).filter(
        ([key, value]) => key.startsWith("rows of") && value !== "0",
      );
      expect(left).toEqual([]);
      expect(await ofTenant(second, tables)).toEqual(others);
    });
  });

/** Identifies a line of an export by the columns that the release before had. */
const keyOf =
  (tables: Tables) =>
  ({ table, row }: { table: string; row: Record<string, unknown> }): string => {
    const known = tables[`mayfly.${table}`] ?? [];
    const kept = Object.entries(row).filter(([column]) => known.includes(column));
    return `${table} ${JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)))}`;
  };
