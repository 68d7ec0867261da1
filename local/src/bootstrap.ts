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
 * Turns an empty Postgres into a Supabase project before any migration: its roles, schemas and
 * extensions, and the tables of Auth and Realtime. Running it again changes nothing. If a database
 * already has exactly these files, only the passwords are set.
 *
 * @param adminUrl the URL of a superuser, whose password does not change.
 * @param password the password of the login roles. Null leaves their passwords as they are.
 * @returns the version of pgvector.
 */
export async function bootstrap(adminUrl: string, password: string | null): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  const scripts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  const version = createHash("sha256").update(scripts.join("\0")).digest("hex");

  const sql = postgres(adminUrl, {
    max: 1,
    onnotice: () => {},
    prepare: false,
    fetch_types: false,
  });
  try {
    await sql.unsafe(`
      create schema if not exists _local;
      create table if not exists _local.bootstrap (version text primary key, at timestamptz not null default now());
    `);
    if ((await sql`select from _local.bootstrap where version = ${version}`).count === 0) {
      const admins =
        await sql`select rolname from pg_roles where rolname in ('supabase_admin', 'postgres')`;
      const present = new Set(admins.map((row) => row.rolname as string));
      if (!present.has("supabase_admin")) await sql`create role supabase_admin superuser login`;
      if (!present.has("postgres"))
        await sql`create role postgres login createrole createdb replication bypassrls`;
      for (const script of scripts) await sql.begin((transaction) => transaction.unsafe(script));
      await sql`insert into _local.bootstrap (version) values (${version})`;
    }
    const [now] = await sql`
      select current_user::text as role, (select extversion from pg_extension where extname = 'vector') as vector`;
    if (password !== null) {
      const others = loginRoles.filter((role) => role !== now?.role);
      // Roles belong to the whole cluster, so without a lock, the bootstrap of another database
      // could change the same rows at the same time.
      await sql.begin((transaction) =>
        transaction.unsafe(
          `lock table pg_catalog.pg_authid in share row exclusive mode;${others
            .map((role) => `alter role ${role} login password '${password}';`)
            .join("")}`,
        ),
      );
    }
    return now?.vector as string;
  } finally {
    await sql.end();
  }
}
