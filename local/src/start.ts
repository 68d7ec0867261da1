import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { readExposedSchemas, readFileSizeLimit } from "./api/config.ts";
import { forAnyOrigin, preflight } from "./api/cors.ts";
import type { Api } from "./api/index.ts";
import { bootstrap } from "./bootstrap.ts";
import { type ConsoleHost, consolePath, createConsole } from "./console/index.ts";
import { openDataFolder } from "./data-folder.ts";
import {
  type Database,
  keepFlushing,
  keepStatistics,
  openPglite,
  openPostgres,
} from "./db/index.ts";
import { functionsEnvironment } from "./environment.ts";
import { verifyCallers } from "./functions/callers.ts";
import { type FunctionsHost, hostedLimits, startFunctions } from "./functions/index.ts";
import { healthOf } from "./health.ts";
import { type Http, serveHttp } from "./http.ts";
import { generateKeys, loadOrCreateKeys } from "./keys.ts";
import type { Logger } from "./log.ts";
import { maskSecrets } from "./mask.ts";
import { applyMigrations } from "./migrations.ts";
import type { Local, LocalOptions } from "./options.ts";
import type { PortChoice } from "./ports.ts";
import { functionSecrets } from "./project.ts";
import { createRealtime, type Realtime } from "./realtime/index.ts";
import { announce, findRunning, type Running, withdraw } from "./running.ts";
import { applySeeds } from "./seeds.ts";
import { createStorage, type Storage } from "./storage/index.ts";
import { createTokens } from "./tokens.ts";

const defaultDbPort = 54322;
/** How long functions and background tasks may take to end, so that Ctrl-C takes under 3 s. */
const drainMs = 1_000;
/** The clone of Mayfly that contains this. Undefined if it was installed as a package. */
export const thisRepository = import.meta.url.endsWith(".ts")
  ? join(import.meta.dirname, "../..")
  : undefined;

/**
 * Starts the embedded Supabase: database, Data API, Auth, Realtime, Storage and edge functions
 * behind one loopback port. Resolves when it is ready.
 *
 * @throws an error with one clear sentence, such as that the port or the folder is in use, or a
 * migration is broken.
 * @example
 * const local = await startLocal({ data: ".mayfly", log: createConsoleLog() });
 * console.log(local.apiUrl);
 * await local.close();
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const { root = thisRepository ?? process.cwd(), watch = false } = options;
  let closing = false;
  const log = maskSecrets(untilClosing(options.log, () => closing));
  const data = options.data === undefined ? undefined : resolve(options.data);
  if (data !== undefined) {
    await openDataFolder(data);
    const other = await findRunning(data);
    if (other)
      throw new Error(
        `The data folder ${data} is already in use, at ${other.apiUrl} (process ${other.pid}).`,
      );
  }
  const keys =
    options.keys ?? (data === undefined ? await generateKeys() : await loadOrCreateKeys(data));
  const tokens = await createTokens(keys);
  const instance = randomUUID();

  let http: Http | undefined;
  let database: Database | undefined;
  let api: Api | undefined;
  let realtime: Realtime | undefined;
  let functions: FunctionsHost | undefined;
  let consoleHost: ConsoleHost | undefined;
  let storage: Storage | undefined;
  let endStatistics: (() => Promise<void>) | undefined;
  let endFlushing: (() => Promise<void>) | undefined;
  let pgvector: string | undefined;
  let crashed = false;
  let announced = false;
  const health = () =>
    healthOf({ instance, database, pgvector, crashed, api, realtime, storage, functions });

  /** Ends each part before the parts that it needs, even if the start failed halfway. */
  const close = async () => {
    closing = true;
    if (data !== undefined && announced) await withdraw(data);
    const parts = [
      { close: () => functions?.close(drainMs) },
      realtime,
      storage,
      api,
      http,
      { close: () => endStatistics?.() },
      { close: () => endFlushing?.() },
      database,
    ];
    for (const part of parts) {
      try {
        await part?.close();
      } catch (error) {
        options.log.warn(`Closing: ${String(error)}`);
      }
    }
  };

  try {
    const serving = await serveHttp({
      port: options.port,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/health") {
          const state = health();
          return Response.json(state, { status: state.status === "ok" ? 200 : 503 });
        }
        if (pathname.startsWith("/functions/v1/")) return functions?.fetch(request) ?? starting();
        if (pathname.startsWith("/realtime/v1/")) {
          if (!realtime) return starting();
          return preflight(request) ?? forAnyOrigin(await realtime.fetch(request));
        }
        if (pathname === consolePath || pathname.startsWith(`${consolePath}/`))
          if (options.console !== undefined) return consoleHost?.fetch(request) ?? starting();
        if (pathname.startsWith("/storage/v1/")) {
          if (!storage) return starting();
          return preflight(request) ?? forAnyOrigin(await storage.fetch(request));
        }
        return api?.fetch(request) ?? starting();
      },
      upgrade(request, socket, head) {
        const part = request.url?.startsWith("/functions/v1/") ? functions : realtime;
        part ? part.upgrade(request, socket, head) : socket.destroy();
      },
    });

    http = serving;
    const { url } = serving;

    const opening =
      options.dbUrl !== undefined
        ? openPostgres({ url: options.dbUrl, passwords: keys.databasePassword, log })
        : openPglite({
            ...(data !== undefined && { dataDir: join(data, "db") }),
            ...(options.template && { template: options.template }),
            // Without a data folder, as in tests, any free port is used, because many instances may
            // run at once.
            port: dbPortOf(options, serving.port),
            passwords: keys.databasePassword,
            log,
            onCrash: (error) => {
              crashed = true;
              options.onCrash?.(error);
            },
          });
    // @supabase/lite loads while the database boots in its own thread, which saves 0.6 s.
    const [opened, { createApi }] = await Promise.all([opening, import("./api/index.ts")]);
    database = opened;

    pgvector = await bootstrap(
      options.dbUrl ?? opened.url("supabase_admin"),
      // The embedded database's wire port checks passwords itself. So no start has to hash them in
      // WebAssembly, which took 0.2 s of CPU. And pg_authid, which the user postgres may read,
      // contains no passwords.
      opened.kind === "pglite" ? null : keys.databasePassword,
    ).catch((error: Error & { code?: string }) => {
      const hint = error.code === "42501" ? "; name a superuser" : "";
      throw new Error(
        `The database could not be turned into a Supabase project: ${error.message}${hint}.`,
        { cause: error },
      );
    });
    const dbUrl = opened.url("postgres");
    const env = await functionsEnvironment(url, dbUrl, keys, tokens);
    functions = await startFunctions({
      root,
      watch,
      log,
      env: () => ({ ...env, ...functionSecrets(root), ...options.secrets }),
      verify: verifyCallers(tokens),
      ...(options.hostedLimits && hostedLimits),
    });

    for (const { version, name } of await applyMigrations(dbUrl, join(root, "supabase/migrations")))
      log.info(`Applied the migration ${version}_${name}`);
    await applySeeds(dbUrl, root, log);

    [api, realtime, storage] = await Promise.all([
      createApi({
        databaseUrl: opened.url("authenticator"),
        adminUrl: opened.url("supabase_admin"),
        authUrl: opened.url("supabase_auth_admin"),
        publicUrl: () => url,
        keys,
        tokens,
        schemas: readExposedSchemas(root),
        early: options.broadcastLeadMs
          ? {
              leadMs: options.broadcastLeadMs,
              holds: opened.holds,
              heard: (messages) => realtime?.heard(messages) ?? false,
              deliver: (messages) => realtime?.publish(messages),
            }
          : undefined,
        log,
      }),
      createRealtime({
        databaseUrl: opened.url("supabase_admin"),
        tokens,
        keys,
        ...(options.limits && { limits: options.limits }),
        ...(options.faults && { faults: options.faults }),
        log,
      }),
      createStorage({
        databaseUrl: opened.url("authenticator"),
        folder: data === undefined ? undefined : join(data, "storage"),
        sweep: opened.kind === "pglite",
        maxBytes: readFileSizeLimit(root),
        keys,
        tokens,
        log,
      }),
      functions.ready(),
      keepFlushing(opened.url("supabase_admin"), log).then((end) => {
        endFlushing = end;
      }),
    ]);
    if (opened.kind === "pglite") endStatistics = keepStatistics(opened.url("supabase_admin"), log);

    const { fetch: ask } = api;
    if (options.console !== undefined)
      consoleHost = await createConsole({
        ...{ folder: options.console, url, keys, tokens, dbUrl },
        auth: ask,
      });

    const running: Running = {
      pid: process.pid,
      instance,
      apiUrl: url,
      dbUrl,
      jwksUrl: `${url}/auth/v1/.well-known/jwks.json`,
      studioUrl: api.studioUrl(),
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
    };
    if (data !== undefined) {
      await announce(data, running);
      announced = true;
    }
    return {
      ...running,
      keys,
      health,
      consoleLink: () => consoleHost?.link(),
      reloadRealtime: () => realtime?.reload(),
      dump: async () => new Blob([await opened.dumpDataDir()]),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The port of the database. By default, it is the port after the API's: 54332 for 54331. */
function dbPortOf(options: LocalOptions, httpPort: number): PortChoice {
  if (options.dbPort !== undefined) return { port: options.dbPort };
  if (options.data === undefined) return { port: 0 };
  return { from: options.port === undefined ? httpPort + 1 : defaultDbPort, step: 1 };
}

/** Connections that we close ourselves are not errors. */
function untilClosing(log: Logger, closing: () => boolean): Logger {
  const quietly = (level: "warn" | "error"): Logger["warn"] => {
    return (message, fields) => log[closing() ? "debug" : level](message, fields);
  };
  return {
    debug: (message, fields) => log.debug(message, fields),
    info: (message, fields) => log.info(message, fields),
    warn: quietly("warn"),
    error: quietly("error"),
  };
}

const starting = () =>
  forAnyOrigin(
    Response.json(
      { message: "The embedded Supabase is starting. Try again shortly." },
      { status: 503, headers: { "retry-after": "1" } },
    ),
  );
