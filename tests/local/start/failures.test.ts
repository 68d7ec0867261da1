/** The messages of starts that cannot succeed: one sentence, without a secret. */
import { appendFile, chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silent } from "#harness/log";
import { readTemplate } from "#harness/template";
import { type Database, openPglite } from "../../../local/src/db/index.ts";
import { type LocalOptions, startLocal } from "../../../local/src/index.ts";
import { applyMigrations } from "../../../local/src/migrations.ts";

const repository = join(import.meta.dirname, "../../..");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-start-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The sentence with which the start fails. */
async function refusalOf(options: Partial<LocalOptions>): Promise<string> {
  const { database, keys } = await readTemplate();
  try {
    const from = { template: database, keys, port: 0, log: silent };
    const local = await startLocal({ ...from, ...options });
    await local.close();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("It started.");
}

describe("a start says in one sentence", () => {
  it("that a migration is broken, and in which line", async () => {
    const root = join(folder, "broken");
    for (const part of ["supabase", "functions"])
      await cp(join(repository, part), join(root, part), { recursive: true });
    const broken = "create table public.fine (id int);\n\ncreate tabel public.not_fine (id int);\n";
    await writeFile(join(root, "supabase/migrations/20991231000000_broken.sql"), broken);
    expect(await refusalOf({ root })).toBe(
      'The migration 20991231000000_broken.sql failed: syntax error at or near "tabel" (line 3)',
    );
  });

  it("that a migration has changed since it was applied", async () => {
    const root = join(folder, "rewritten");
    for (const part of ["supabase", "functions"])
      await cp(join(repository, part), join(root, part), { recursive: true });
    const file = "20261121000000_mayfly.sql";
    const path = join(root, "supabase/migrations", file);
    await appendFile(path, "\ngrant select on mayfly.tenants to anon;\n");
    expect(await refusalOf({ root })).toBe(
      `The migration ${file} has changed since it was applied to this database. Restore the file, or start with another --data folder or --db-url.`,
    );
  });

  it("that the data folder is invalid or not writable", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    expect(await refusalOf({ data: file })).toBe(
      `The data folder ${file} cannot be used: it is a file.`,
    );
    expect(await refusalOf({ data: join(file, "below") })).toBe(
      `The data folder ${join(file, "below")} cannot be used: it is below a file.`,
    );
    const locked = join(folder, "locked");
    await mkdir(locked);
    await chmod(locked, 0o500);
    // The superuser may write everywhere except in the kernel's own folders.
    const forbidden = process.getuid?.() === 0 ? "/sys/mayfly" : locked;
    expect(await refusalOf({ data: forbidden })).toMatch(/cannot be used: .*(write|read-only)/);
  });

  it("that a named database port is in use", async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await refusalOf({ dbPort: port })).toBe(
      `Port ${port} is in use. Stop what listens there, or choose another with --db-port.`,
    );
    server.close();
  });
});

describe("a migration counts as unchanged", () => {
  it("when only its line ends differ, or the CLI was told to treat it as applied", async () => {
    const { database, keys } = await readTemplate();
    const root = join(folder, "same");
    for (const part of ["supabase", "functions"])
      await cp(join(repository, part), join(root, part), { recursive: true });
    const path = join(root, "supabase/migrations/20261121000000_mayfly.sql");
    await writeFile(path, (await readFile(path, "utf8")).replaceAll("\n", "\r\n"));
    const db = await openPglite({
      template: database,
      passwords: keys.databasePassword,
      log: silent,
    });
    try {
      const url = db.url("postgres");
      const migrations = join(root, "supabase/migrations");
      expect(await applyMigrations(url, migrations)).toEqual([]);
      await appendFile(path, "\n-- The end.\n");
      expect(await applyMigrations(url, migrations)).toEqual([]);
      const sql = postgres(url, { max: 1 });
      await sql`update supabase_migrations.schema_migrations set statements = null`;
      await sql.end();
      await appendFile(path, "\nselect 1;\n");
      expect(await applyMigrations(url, migrations)).toEqual([]);
    } finally {
      await db.close();
    }
  });
});

describe("with a database by URL, a start says in one sentence", () => {
  let other: Database;
  beforeAll(async () => {
    const { database } = await readTemplate();
    other = await openPglite({ template: database, passwords: "right", log: silent });
  });
  afterAll(() => other?.close());

  const hidden = "s3cret";
  const said = async (dbUrl: string) => {
    const sentence = await refusalOf({ dbUrl });
    expect(sentence).not.toContain(hidden);
    return sentence;
  };

  it("that it is not the URL of a database, without repeating it", async () => {
    for (const url of ["", hidden, `http://a:${hidden}@b/c`, `postgresql://a:${hidden}%@b/c`])
      expect(await said(url)).toMatch(
        /^The database URL is not valid\. It must look like postgresql:/,
      );
  });

  it("that nobody listens there, or that the password is wrong", async () => {
    expect(await said(`postgresql://postgres:${hidden}@127.0.0.1:1/postgres`)).toBe(
      "The database at 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1",
    );
    expect(await said(other.url("postgres").replace(":right@", `:${hidden}@`))).toBe(
      `The database at 127.0.0.1:${other.port} cannot be used: password authentication failed for user "postgres"`,
    );
  });

  it("that its user may not make it a Supabase project", async () => {
    expect(await said(other.url("authenticator"))).toMatch(
      /^The database could not be turned into a Supabase project: permission denied .*; name a superuser\.$/,
    );
  });
});
