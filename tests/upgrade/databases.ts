/** Empty databases of a release, on PGlite and on a real Postgres 17. */
import { randomUUID } from "node:crypto";
import { bootstrap, openPglite } from "@mayfly/local/internal";
import postgres from "postgres";
import { silent } from "#harness/log";
import { databaseUrl } from "#harness/needs";
import { readBareTemplate } from "#harness/template";

export interface Opened {
  /** As the superuser. */
  sql: postgres.Sql;
  /** As `postgres`, which runs migrations. */
  url: string;
  close(): Promise<void>;
}

/** Projects without Mayfly, one for each kind of database. */
export const projects = [
  { name: "PGlite", open: openOnPglite, here: true },
  { name: "Postgres 17", open: openOnPostgres, here: databaseUrl !== undefined },
];

async function openOnPglite(): Promise<Opened> {
  const passwords = "only for this test";
  const template = await readBareTemplate();
  const database = await openPglite({ template, passwords, log: silent });
  await bootstrap(database.url("supabase_admin"), passwords);
  const sql = postgres(database.url("supabase_admin"), { max: 1, onnotice: () => {} });
  return {
    sql,
    url: database.url("postgres"),
    async close() {
      await sql.end();
      await database.close();
    },
  };
}

async function openOnPostgres(): Promise<Opened> {
  const name = `mayfly_upgrade_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(databaseUrl ?? "", { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(databaseUrl ?? "");
  url.pathname = `/${name}`;
  await bootstrap(url.href, null);
  const sql = postgres(url.href, { max: 2, onnotice: () => {} });
  return {
    sql,
    url: url.href,
    async close() {
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
