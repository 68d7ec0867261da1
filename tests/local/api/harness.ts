import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres, { type Sql } from "postgres";
import { readTemplate } from "#harness/template";
import type { EarlyOptions } from "../../../local/src/api/early.ts";
import { type Api, createApi } from "../../../local/src/api/index.ts";
import { bootstrap } from "../../../local/src/bootstrap.ts";
import { type Database, openPglite, openPostgres } from "../../../local/src/db/index.ts";
import { generateKeys, type ProjectKeys } from "../../../local/src/keys.ts";
import type { Logger } from "../../../local/src/log.ts";
import { type Claims, createTokens, type Tokens } from "../../../local/src/tokens.ts";

export interface Project {
  url: string;
  api: Api;
  keys: ProjectKeys;
  tokens: Tokens;
  /** As supabase_admin. */
  admin: Sql;
  /** As postgres, which runs the migrations. */
  owner: Sql;
  logged: string[];
  /** supabase-js with this key, and with this token if there is one. */
  client(key: string, token?: string): SupabaseClient;
  /** A token like an agent's: `sub` is not a user. */
  token(claims?: Claims): Promise<string>;
  close(): Promise<void>;
}

/** Opens PGlite, or if DATABASE_URL is set, a new database on that Postgres. */
async function openDatabase(keys: ProjectKeys, log: Logger): Promise<Database> {
  const server = process.env.DATABASE_URL;
  if (!server) {
    const { database } = await readTemplate();
    return openPglite({ passwords: keys.databasePassword, template: database, log });
  }
  const name = `api_test_${crypto.randomUUID().replaceAll("-", "")}`;
  const root = postgres(server, { max: 1, onnotice: () => undefined });
  // Roles belong to the cluster, so without this lock, two simultaneous bootstraps would both create them.
  await root`select pg_advisory_lock(54417)`;
  await root.unsafe(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  await bootstrap(url.href, null);
  await root`select pg_advisory_unlock(54417)`;
  const database = await openPostgres({ url: url.href, passwords: "", log });
  return {
    ...database,
    close: async () => {
      await root.unsafe(`drop database ${name} with (force)`);
      await root.end();
    },
  };
}

/** Makes a project, runs `sql` as its owner, and serves the project over HTTP. */
export async function openProject(
  sql: string,
  early?: Omit<EarlyOptions, "holds">,
): Promise<Project> {
  const logged: string[] = [];
  const write = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    if (level !== "debug") logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  };
  const log: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  const keys = await generateKeys();
  const database = await openDatabase(keys, log);
  const admin = postgres(database.url("supabase_admin"), { max: 1, onnotice: () => undefined });
  const owner = postgres(database.url("postgres"), { max: 1, onnotice: () => undefined });
  await owner.unsafe(sql);
  const tokens = await createTokens(keys);
  let url = "";
  const api = await createApi({
    databaseUrl: database.url("authenticator"),
    early: early && { ...early, holds: database.holds },
    adminUrl: database.url("supabase_admin"),
    authUrl: database.url("supabase_auth_admin"),
    publicUrl: () => url,
    keys,
    tokens,
    schemas: ["public", "graphql_public", "mayfly"],
    log,
  });
  const server = createServer(
    getRequestListener((request) => api.fetch(request), { overrideGlobalObjects: false }),
  );
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;

  return {
    url,
    api,
    keys,
    tokens,
    admin,
    owner,
    logged,
    client: (key, token) =>
      createClient(url, key, {
        auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
        ...(token ? { accessToken: async () => token } : {}),
      }),
    token: (claims = {}) => {
      const now = Math.floor(Date.now() / 1000);
      return tokens.sign({
        sub: crypto.randomUUID(),
        role: "authenticated",
        aud: "authenticated",
        iss: "mayfly",
        iat: now,
        exp: now + 120,
        ...claims,
      });
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await api.close();
      await Promise.all([admin.end(), owner.end()]);
      await database.close();
    },
  };
}
