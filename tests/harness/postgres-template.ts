/**
 * The template database on a real Postgres, with everything that bootstrap and the migrations make. There is
 * one template for each state of the sources. All tests copy it, which takes 0.1 s. After a change of SQL,
 * the new template is made from the last one if possible, and otherwise from a database with the releases.
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { applyStatements } from "../../scripts/sql/source-changes.ts";
import { changesSinceLast, noteLast } from "./last-template.ts";
import {
  migrationsFolder,
  root,
  type Stages,
  stagesOf,
  withReleasedMigrations,
} from "./sources.ts";

const prefix = "mayfly_template_";
/** How many templates to keep. Each is 20 MB. All checkouts on this machine share a cluster. */
const keptTemplates = 24;

interface Cluster {
  admin: postgres.Sql;
  urlOf(database: string): string;
}

const clusterAt = (admin: postgres.Sql, clusterUrl: string): Cluster => ({
  admin,
  urlOf(database) {
    const url = new URL(clusterUrl);
    url.pathname = `/${database}`;
    return url.href;
  },
});

const newName = () => `mayfly_test_${randomUUID().replaceAll("-", "")}`;

async function hasDatabase(admin: postgres.Sql, name: string): Promise<boolean> {
  return (await admin`select from pg_database where datname = ${name}`).count > 0;
}

async function copy(admin: postgres.Sql, template: string, name: string): Promise<void> {
  await admin.unsafe(`create database ${name} template ${template}`);
  // Bootstrap has granted this too, but privileges on a database are not copied.
  await admin.unsafe(
    `grant create, connect, temporary on database ${name} to postgres with grant option`,
  );
}

/** Gives a template its final name only when it is complete, so that nobody copies an unfinished one. */
async function keep(
  { admin, urlOf }: Cluster,
  template: string,
  make: (url: string, name: string) => Promise<unknown>,
): Promise<void> {
  const name = newName();
  try {
    await make(urlOf(name), name);
  } catch (error) {
    await admin.unsafe(`drop database if exists ${name} with (force)`);
    throw error;
  }
  await admin.unsafe(`alter database ${name} rename to ${template}`);
  await admin.unsafe(`alter database ${template} allow_connections false`);
}

/** The name of the template of the current sources, which is made if it does not exist. */
async function madeTemplate(cluster: Cluster, stages: Stages): Promise<string> {
  const { admin } = cluster;
  const [released, current] = [prefix + stages.released, prefix + stages.current];
  if (await hasDatabase(admin, current)) return current;
  await forgetOldTemplates(admin);
  if (!(await changedFromLast(cluster, stages))) {
    if (!(await hasDatabase(admin, released)))
      await keep(cluster, released, async (url, name) => {
        await admin.unsafe(`create database ${name}`);
        await bootstrap(url, null);
        await withReleasedMigrations((folder) => applyMigrations(url, folder));
      });
    await keep(cluster, current, async (url, name) => {
      await copy(admin, released, name);
      await applyMigrations(url, migrationsFolder);
    });
  }
  await noteLast("postgres", stages);
  return current;
}

/** Makes the template from the last one, and returns false if that is not possible. */
async function changedFromLast(cluster: Cluster, stages: Stages): Promise<boolean> {
  const changes = await changesSinceLast("postgres", stages);
  if (!changes || !(await hasDatabase(cluster.admin, prefix + changes.stage))) return false;
  try {
    await keep(cluster, prefix + stages.current, async (url, name) => {
      await copy(cluster.admin, prefix + changes.stage, name);
      const sql = postgres(url, { max: 1, onnotice: () => {} });
      await applyStatements(sql, root, changes.statements).finally(() => sql.end());
    });
    return true;
  } catch {
    // The template is then made with the migration, whose error has the name of the file and the line.
    return false;
  }
}

/**
 * One run at a time makes a template, because roles belong to the whole cluster. The same lock keeps other
 * runs from dropping a template while it is copied.
 */
async function alone<T>(admin: postgres.Sql, work: () => Promise<T>): Promise<T> {
  await admin`select pg_advisory_lock(hashtextextended('mayfly_template', 0))`;
  try {
    return await work();
  } finally {
    await admin`select pg_advisory_unlock(hashtextextended('mayfly_template', 0))`;
  }
}

/** Copies the template to a new database in the cluster at `clusterUrl`, and returns its URL. */
export async function copyTemplate(admin: postgres.Sql, clusterUrl: string): Promise<string> {
  const cluster = clusterAt(admin, clusterUrl);
  const stages = await stagesOf(import.meta.filename);
  const name = newName();
  await alone(admin, async () => copy(admin, await madeTemplate(cluster, stages), name));
  return cluster.urlOf(name);
}

/**
 * Makes the template unless it exists. A run does this first, so that SQL with an error fails before any
 * test.
 */
export async function makePostgresTemplate(clusterUrl: string): Promise<void> {
  const admin = postgres(clusterUrl, { max: 1, onnotice: () => {} });
  try {
    const stages = await stagesOf(import.meta.filename);
    await alone(admin, () => madeTemplate(clusterAt(admin, clusterUrl), stages));
  } finally {
    await admin.end();
  }
}

async function forgetOldTemplates(admin: postgres.Sql): Promise<void> {
  const old = await admin`
    select d.datname as name from pg_database d
    where starts_with(d.datname, ${prefix})
    order by (pg_stat_file('base/' || d.oid || '/PG_VERSION')).modification desc
    offset ${keptTemplates - 1}`;
  for (const { name } of old) await admin.unsafe(`drop database ${name}`);
}
