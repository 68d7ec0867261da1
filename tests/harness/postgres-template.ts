/**
 * On a real Postgres: a database with everything that bootstrap and the migrations make, once for each
 * state of the sources, and copied by all. A copy takes 0.1 s, bootstrap and migrations 2 s.
 */
import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { migrationsFolder, stagesOf } from "./sources.ts";

const prefix = "mayfly_template_";
/** Each is 20 MB; checkouts share a cluster. */
const keptTemplates = 24;

/** Makes a new database of everything in the cluster at `clusterUrl`, and returns its URL. */
export async function copyTemplate(admin: postgres.Sql, clusterUrl: string): Promise<string> {
  const { current } = await stagesOf(import.meta.filename);
  const template = prefix + current;
  const name = `mayfly_test_${randomUUID().replaceAll("-", "")}`;
  const urlOf = (database: string) => {
    const url = new URL(clusterUrl);
    url.pathname = `/${database}`;
    return url.href;
  };
  // One run at a time makes one: roles belong to the whole cluster. Nothing is dropped while it is copied.
  await admin`select pg_advisory_lock(hashtextextended('mayfly_template', 0))`;
  try {
    if ((await admin`select from pg_database where datname = ${template}`).count === 0) {
      await forgetOldTemplates(admin);
      await admin.unsafe(`create database ${name}`);
      await bootstrap(urlOf(name), null);
      await applyMigrations(urlOf(name), migrationsFolder);
      await admin.unsafe(`alter database ${name} rename to ${template}`);
      await admin.unsafe(`alter database ${template} allow_connections false`);
    }
    await admin.unsafe(`create database ${name} template ${template}`);
    // As bootstrap does: privileges on a database are not copied.
    await admin.unsafe(
      `grant create, connect, temporary on database ${name} to postgres with grant option`,
    );
  } finally {
    await admin`select pg_advisory_unlock(hashtextextended('mayfly_template', 0))`;
  }
  return urlOf(name);
}

async function forgetOldTemplates(admin: postgres.Sql): Promise<void> {
  const old = await admin`
    select d.datname as name from pg_database d
    where starts_with(d.datname, ${prefix})
    order by (pg_stat_file('base/' || d.oid || '/PG_VERSION')).modification desc
    offset ${keptTemplates - 1}`;
  for (const { name } of old) await admin.unsafe(`drop database ${name}`);
}
