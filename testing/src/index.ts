import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findProject, type Local, type Logger, startLocal } from "@mayfly/local";
import { type Agent, Mayfly, type SpawnOptions } from "@mayfly/sdk";
import { sourceFolder, version } from "mayfly/source";
import postgres from "postgres";
import { type Clock, clockOf } from "./clock.ts";
import { templateOf } from "./template.ts";

export type { Clock } from "./clock.ts";
export { type Scripted, scriptedModel, type ToolCall } from "./model.ts";

export interface MayflyTestOptions {
  /**
   * The folder of a Supabase project with Mayfly. By default, this folder or one above it. If there
   * is none, only Mayfly is started.
   */
  project?: string;
  /**
   * Where the embedded Supabase logs. By default it logs nothing, except problems on standard
   * error.
   */
  log?: Logger;
}

/** A Supabase project with Mayfly and a tenant, all in memory. */
export interface MayflyTest {
  readonly url: string;
  readonly key: string;
  readonly publishableKey: string;
  /** The URL of the database, as `postgres`. */
  readonly dbUrl: string;
  /** Moves the time by which Mayfly judges lifetimes, leases, delays and ages. */
  readonly clock: Clock;
  /** A `Mayfly` with the secret key, in a new tenant at each call. */
  tenant(): Promise<Mayfly>;
  /** Spawns an agent in the given tenant, or in a new one. @throws if the agent is refused. */
  agent(options?: SpawnOptions, mayfly?: Mayfly): Promise<Agent>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const loud: Logger = {
  debug() {},
  info() {},
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

/**
 * Starts a Supabase project with Mayfly in memory. The first start takes several seconds, and later
 * ones about two, because a template of the database is kept in `node_modules/.cache`. Start it
 * once for each test file, and give each test its own tenant.
 *
 * @example
 * const test = await startMayfly();
 * const agent = await test.agent({ name: "reader" });
 * await test.clock.advance("10 minutes");
 */
export async function startMayfly(options: MayflyTestOptions = {}): Promise<MayflyTest> {
  const root = rootOf(options.project);
  const template = await templateOf(root, version);
  const local = await startLocal({
    root,
    port: 0,
    log: options.log ?? loud,
    ...(template.path && { template: template.path }),
  });
  if (!template.path) await template.keep(await local.dump());
  return open(local);
}

function rootOf(named: string | undefined): string {
  const project = findProject(named ?? ".");
  if (project && hasMayfly(project)) return project;
  if (named === undefined) return sourceFolder;
  throw new Error(`There is no Supabase project with Mayfly in ${named}: npx mayfly init`);
}

function hasMayfly(project: string): boolean {
  const folder = join(project, "supabase/migrations");
  return existsSync(folder) && readdirSync(folder).some((file) => /_mayfly\.sql$/.test(file));
}

function open(local: Local): MayflyTest {
  const { apiUrl: url, secretKey: key, publishableKey, dbUrl } = local;
  // The owner of the clock and of the tables.
  const admin = dbUrl.replace("//postgres:", "//supabase_admin:");
  const sql = postgres(admin, { max: 1, onnotice: () => {} });
  const opened: Mayfly[] = [];
  const agents: Agent[] = [];

  const tenant = async () => {
    const { data, error } = await new Mayfly({ url, key }).tenants.create({ name: randomUUID() });
    if (error) throw error;
    const mayfly = new Mayfly({ url, key, tenant: data.id });
    opened.push(mayfly);
    return mayfly;
  };
  const close = async () => {
    for (const one of [...agents, ...opened]) await one.close();
    await sql.end({ timeout: 1 });
    await local.close();
  };
  return {
    url,
    key,
    publishableKey,
    dbUrl,
    clock: clockOf(sql),
    tenant,
    async agent(options = {}, mayfly) {
      const { data, error } = await (mayfly ?? (await tenant())).spawn(options);
      if (error) throw error;
      agents.push(data);
      return data;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
