import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import postgres from "postgres";
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

const cluster = "postgresql://postgres@127.0.0.1:54417/postgres?sslmode=disable";
const bootstrap = new URL("../../../local/src/bootstrap/", import.meta.url);
const fixtures = new URL("transcripts/fixtures.sql", import.meta.url);

export interface TestDatabase {
  url: string;
  /** As supabase_admin. */
  sql: postgres.Sql;
  close(): Promise<void>;
}

/** An empty, bootstrapped database with the transcripts' policies. */
export async function openDatabase(): Promise<TestDatabase> {
  const name = `realtime_${process.pid}_${Date.now()}`;
  const admin = postgres(cluster, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} owner supabase_admin`);
  const url = cluster.replace("postgres@", "supabase_admin@").replace("/postgres?", `/${name}?`);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  for (const file of (await readdir(bootstrap)).sort())
    await sql.unsafe(await readFile(new URL(file, bootstrap), "utf8"));
  await sql.unsafe(await readFile(fixtures, "utf8"));
  return {
    url,
    sql,
    async close() {
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error: console.error };

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

/** A Realtime server on a port of its own. Refusals answer at once unless the limits say more. */
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

/** A person's token that lives for so many seconds. */
export function userToken(sub: string, lifetime = 3_600): Promise<string> {
  return tokens.sign({ sub, role: "authenticated", exp: seconds() + lifetime });
}
