/** A project on 0.1.0 with its own migrations gets the next release as docs/upgrading.md says. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogOf } from "#harness/catalog";
import { migrationsFolder } from "#harness/template";
import { runCli } from "../cli/run.ts";
import { checksumsOf, type Tables, tablesOf } from "./data.ts";
import { type Opened, projects } from "./databases.ts";
import { fillDatabase } from "./fill-0.1.0.ts";
import { copyMigrations } from "./old-clients.ts";

const version = "0.1.0";
const repository = join(import.meta.dirname, "../..");
const theirs = "20991231235959_theirs.sql";

for (const { name, open, here } of projects)
  describe.skipIf(!here)(`a project on ${version} with migrations of its own, on ${name},`, () => {
    let db: Opened;
    let root: string;
    let tables: Tables;
    let catalog: string[];
    let sums: Record<string, string>;
    const migrations = () => join(root, "supabase/migrations");

    /** The real Supabase CLI, in the project. */
    async function supabase(...words: string[]): Promise<string> {
      const { stdout, stderr } = await promisify(execFile)(
        join(repository, "node_modules/.bin/supabase"),
        [...words, "--db-url", db.url],
        {
          cwd: root,
          env: { ...process.env, DO_NOT_TRACK: "1", SUPABASE_TELEMETRY_DISABLED: "1" },
        },
      );
      return `${stdout}\n${stderr}`;
    }

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "mayfly-project-"));
      await copyMigrations(version, migrations());
      // As mayfly init of 0.1.0 left it.
      const files: Record<string, string> = {};
      for (const file of await readdir(migrations()))
        files[`supabase/migrations/${file}`] = createHash("sha256")
          .update(await readFile(join(migrations(), file)))
          .digest("hex");
      await writeFile(
        join(root, "supabase/.mayfly.json"),
        JSON.stringify({ version, files }, null, 2),
      );
      await writeFile(join(root, "supabase/config.toml"), 'project_id = "theirs"\n');
      db = await open();
      await supabase("db", "push", "--yes");
      await fillDatabase(db.sql);
      await writeFile(
        join(migrations(), theirs),
        "create table public.orders (id int primary key);\nalter table public.orders enable row level security;\n",
      );
      await supabase("db", "push", "--yes");
      tables = await tablesOf(db.sql);
      catalog = await catalogOf(db.sql);
      sums = await checksumsOf(db.sql, tables);
    });
    afterAll(async () => {
      await db?.close();
      await rm(root, { recursive: true, force: true });
    });

    it("gets the new migrations with numbers above its newest, and keeps its own", async () => {
      const before = await readdir(migrations());
      const { code, out, err } = await runCli(["init", root, "--yes"]);
      expect(code, err).toBe(0);
      expect(out).toContain(`Mayfly ${version} in`);
      expect(out).not.toContain("--include-all");
      const added = (await readdir(migrations())).filter((file) => !before.includes(file)).sort();
      const ours = (await readdir(migrationsFolder)).sort().slice(-added.length);
      const bare = (file: string) => file.replace(/^\d+_/, "");
      expect(added.map(bare)).toEqual(ours.map(bare));
      expect(added[0]).toMatch(/^21000101000000_mayfly_/);
      // When `init` runs again, it finds the migrations by their names.
      const again = await runCli(["init", root, "--yes", "--json"]);
      expect(JSON.parse(again.out)).toMatchObject({ needed: false, changes: [] });
    });

    it.skipIf(name === "PGlite")("waits 5 s for a lock, and is then unchanged", async () => {
      const holder = await db.sql.reserve();
      try {
        await holder`begin`;
        await holder`lock table mayfly.agents in access exclusive mode`;
        const refused = await supabase("db", "push", "--yes").then(
          () => "it was pushed",
          (error: { stderr: string; stdout: string }) => error.stderr + error.stdout,
        );
        expect(refused).toContain("lock timeout");
      } finally {
        await holder`rollback`;
        holder.release();
      }
      expect(await catalogOf(db.sql)).toEqual(catalog);
      expect(await checksumsOf(db.sql, tables)).toEqual(sums);
    });

    it("is unchanged when a migration fails in the middle of a push", async () => {
      const [file = ""] = (await readdir(migrations())).filter((one) => /^2100/.test(one)).sort();
      const path = join(migrations(), file);
      const text = await readFile(path, "utf8");
      try {
        await writeFile(path, `${text}\nselect 1 / 0;\n`);
        await expect(supabase("db", "push", "--yes")).rejects.toThrow("division by zero");
      } finally {
        await writeFile(path, text);
      }
      expect(await catalogOf(db.sql)).toEqual(catalog);
      expect(await checksumsOf(db.sql, tables)).toEqual(sums);
    });

    it("is pushed without --include-all, and then has nothing left to push", async () => {
      expect(await supabase("db", "push", "--yes")).toMatch(/Applying migration 21000101000000/);
      expect(await supabase("db", "push", "--yes")).toMatch(/up to date/);
      expect(await catalogOf(db.sql)).not.toEqual(catalog);
    });

    it("has the committed types, and the advisors find nothing", async () => {
      const types = await supabase("gen", "types", "typescript", "--schema", "mayfly");
      const committed = join(repository, "sdk/src/contract/database.types.ts");
      expect(types).toContain(await readFile(committed, "utf8"));
      expect(await supabase("db", "advisors")).not.toMatch(/"level"/);
    });
  });
