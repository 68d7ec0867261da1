import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import postgres from "postgres";
import { readBareTemplate } from "#harness/template";
import { bootstrap } from "../../../local/src/bootstrap.ts";
import { openPglite } from "../../../local/src/db/index.ts";
import { generateKeys, type ProjectKeys } from "../../../local/src/keys.ts";
import type { Logger } from "../../../local/src/log.ts";
import {
  createRealtime,
  type Realtime,
  type RealtimeLimits,
} from "../../../local/src/realtime/index.ts";
import { createTokens, type Tokens } from "../../../local/src/tokens.ts";

export const alice = "11111111-1111-4111-8111-111111111111";
export const bob = "22222222-2222-4222-8222-222222222222";

const root = join(import.meta.dirname, "../../..");
const fixtures = new URL("transcripts/fixtures.sql", import.meta.url);
const silent: Logger = { debug() {}, info() {}, warn() {}, error: console.error };

export interface TestDatabase {
  url: string;
  /** The connection of a project's owner, who is not a superuser. */
  ownerUrl: string;
  /** As supabase_admin. */
  sql: postgres.Sql;
  close(): Promise<void>;
}

/**
 * A database with the policies of the transcripts: the embedded one, or a new one in the Postgres of
 * REALTIME_TEST_DATABASE_URL.
 */
export async function openDatabase(): Promise<TestDatabase> {
  const cluster = process.env.REALTIME_TEST_DATABASE_URL;
  const { url, ownerUrl, drop } = await (cluster ? createIn(cluster) : openEmbedded());
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(await readFile(fixtures, "utf8"));
  return {
    url,
    ownerUrl,
    sql,
    async close() {
      await sql.end();
      await drop();
    },
  };
}

interface Place {
  url: string;
  ownerUrl: string;
  drop(): Promise<void>;
}

async function openEmbedded(): Promise<Place> {
  const path = await templatePath();
  const template = await readFile(path).catch(() => undefined);
  const pglite = await openPglite({
    template: template ?? (await readBareTemplate()),
    passwords: "secret",
    log: silent,
  });
  const url = pglite.url("supabase_admin");
  await bootstrap(url, null);
  if (!template) {
    // The file is written under another name first, so that a file with this name is always complete.
    const draft = `${path}.${process.pid}`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, await pglite.dumpDataDir());
    await rename(draft, path);
  }
  return { url, ownerUrl: pglite.url("postgres"), drop: () => pglite.close() };
}

/** The file of a database after bootstrap. It is kept between runs, because bootstrap takes a second. */
async function templatePath(): Promise<string> {
  const hash = createHash("sha256");
  for (const folder of ["bootstrap", "db"]) {
    const path = join(root, "local/src", folder);
    for (const file of (await readdir(path)).sort()) hash.update(await readFile(join(path, file)));
  }
  const name = `realtime-${hash.digest("hex").slice(0, 16)}.tar`;
  return join(root, "node_modules/.cache/mayfly", name);
}

async function createIn(cluster: string): Promise<Place> {
  const name = `realtime_${process.pid}_${Date.now()}`;
  const admin = postgres(cluster, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = (user: string) => {
    const own = new URL(cluster);
    own.username = user;
    own.pathname = `/${name}`;
    return own.href;
  };
  await bootstrap(url(new URL(cluster).username), null);
  const sql = postgres(url("supabase_admin"), { max: 1, onnotice: () => {} });
  // There, `postgres` is a superuser, so another role gets the rights that it has on a hosted project.
  await sql.unsafe(`
    do $$ begin
      if to_regrole('project_owner') is null then
        create role project_owner login bypassrls createrole;
      end if;
    end $$;
    grant supabase_realtime_admin to project_owner with inherit true, set false;
    grant usage on schema realtime to project_owner;
    grant all on realtime.messages to project_owner;
  `);
  await sql.end();
  return {
    url: url("supabase_admin"),
    ownerUrl: url("project_owner"),
    async drop() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

export interface TestProject {
  keys: ProjectKeys;
  tokens: Tokens;
  realtime: Realtime;
  /** `http://127.0.0.1:…`, without a path. */
  url: string;
  close(): Promise<void>;
}

const keys = await generateKeys();
const tokens = await createTokens(keys);

/** A Realtime server on its own port. Refusals are answered at once unless the limits say otherwise. */
export async function startProject(
  databaseUrl: string,
  limits: Partial<RealtimeLimits> = {},
): Promise<TestProject> {
  const realtime = await createRealtime({
    databaseUrl,
    tokens,
    keys,
    limits: { joinErrorBackoffMs: 20, connectErrorBackoffMs: 20, ...limits },
    log: silent,
  });
  const server = createServer(getRequestListener((request) => realtime.fetch(request)));
  server.on("upgrade", (request, socket, head) => realtime.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    keys,
    tokens,
    realtime,
    url: `http://127.0.0.1:${port}`,
    async close() {
      await realtime.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Seconds since the epoch. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** A person's token with a lifetime in seconds. */
export function userToken(sub: string, lifetime = 3_600): Promise<string> {
  return tokens.sign({ sub, role: "authenticated", exp: seconds() + lifetime });
}
