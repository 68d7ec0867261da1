import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";

const folder = join(import.meta.dirname, "bootstrap");

/** The roles that log in on the wire port, all with the project's database password. */
const loginRoles = [
  "supabase_admin",
  "postgres",
  "authenticator",
  "supabase_auth_admin",
  "supabase_realtime_admin",
];

/**
 * Makes an empty Postgres what a Supabase project is before any migration: its roles, schemas and
 * extensions, and what Auth and Realtime keep. Again without change; a database that has had these
 * very files is left alone.
 *
 * @param adminUrl a superuser's.
 * @param password what the login roles get; null leaves theirs.
 */
export async function bootstrap(adminUrl: string, password: string | null): Promise<void> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  const scripts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  const version = createHash("sha256").update(scripts.join("\0")).digest("hex");

  const sql = postgres(adminUrl, { max: 1, onnotice: () => {}, prepare: false });
  try {
    await sql`create schema if not exists _local`;
    await sql`create table if not exists _local.bootstrap (version text primary key, at timestamptz not null default now())`;
    if ((await sql`select from _local.bootstrap where version = ${version}`).count > 0) return;

    const admins =
      await sql`select rolname from pg_roles where rolname in ('supabase_admin', 'postgres')`;
    const present = new Set(admins.map((row) => row.rolname as string));
    if (!present.has("supabase_admin")) await sql`create role supabase_admin superuser login`;
    if (!present.has("postgres"))
      await sql`create role postgres login createrole createdb replication bypassrls`;
    for (const script of scripts) await sql.begin((transaction) => transaction.unsafe(script));
    if (password !== null)
      for (const role of loginRoles)
        await sql.unsafe(`alter role ${role} login password '${password}'`);
    await sql`insert into _local.bootstrap (version) values (${version})`;
  } finally {
    await sql.end();
  }
}
