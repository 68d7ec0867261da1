import { withHeaders } from "../http.ts";
import type { ProjectKeys } from "../keys.ts";
import type { Logger } from "../log.ts";
import type { Tokens } from "../tokens.ts";
import { createAuth } from "./auth.ts";
import { authError } from "./auth-answers.ts";
import { Refusal } from "./caller.ts";
import { forAnyOrigin, preflight } from "./cors.ts";
import type { EarlyOptions } from "./early.ts";
import { apiError, connectionError } from "./errors.ts";
import { interceptConsole, quietly } from "./quiet.ts";
import { createRest } from "./rest.ts";
import { createSchemaCache, SchemaUnread } from "./schema-cache.ts";
import { createStudio } from "./studio.ts";

/** The Data API and Auth of a project, `/rest/v1` and `/auth/v1`, and Studio at every other page. */
export interface Api {
  fetch(request: Request): Promise<Response>;
  /** Reads the database's schema again now. After DDL, this happens automatically. */
  reloadSchema(): Promise<void>;
  health(): { status: "ok" | "starting"; schemaReadAt: string | null };
  /** The secret that opens Studio in a browser on this machine. It changes at each start. */
  studioUrl(): string;
  close(): Promise<void>;
}

export interface ApiOptions {
  /** A connection as `authenticator`. */
  databaseUrl: string;
  /** A connection as `supabase_admin`. */
  adminUrl: string;
  /** A connection as `supabase_auth_admin`. */
  authUrl: string;
  /**
   * The project's URL, such as `http://127.0.0.1:54321`. The issuer of people's tokens is this URL
   * with a path.
   */
  publicUrl: () => string;
  keys: ProjectKeys;
  tokens: Tokens;
  /** The exposed schemas; the first is the default. */
  schemas: string[];
  /** Set if broadcasts go out before the commit that caused them is visible. */
  early?: EarlyOptions | undefined;
  log: Logger;
}

/** Makes the Data API and Auth. Resolves when they can serve, with the schema read. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { log, keys, tokens, schemas, adminUrl, authUrl, databaseUrl, publicUrl } = options;
  const restoreConsole = interceptConsole();
  const schema = createSchemaCache({ adminUrl, schemas, log });
  const rest = createRest({ databaseUrl, schema, schemas, keys, tokens, early: options.early });
  const auth = createAuth({ authUrl, publicUrl, keys, tokens, log });
  const studio = createStudio({ publicUrl, schemas, schema });

  const close = async () => {
    await Promise.all([rest.close(), auth.close(), schema.close()]);
    restoreConsole();
  };
  const route = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/rest/v1" || pathname.startsWith("/rest/v1/")) {
      if (!studio.admits(request)) return rest.fetch(request);
      return (await studio.refusal(request)) ?? rest.fetch(withKey(request, keys.secretKey));
    }
    if (pathname.startsWith("/auth/v1/"))
      return auth.fetch(studio.admits(request) ? withKey(request, keys.secretKey) : request);
    const page = await studio.fetch(request);
    return page ?? Response.json({ message: "no Route matched" }, { status: 404 });
  };

  try {
    await schema.current();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async fetch(request) {
      const early = preflight(request);
      if (early) return early;
      try {
        const response = await quietly(log, () => route(request));
        if (response.status >= 500) await logFailure(log, request, response);
        return forAnyOrigin(response);
      } catch (error) {
        if (error instanceof Refusal) return forAnyOrigin(error.response);
        const { pathname } = new URL(request.url);
        const reason = error instanceof Error ? error.message : String(error);
        log.error("A request failed", { method: request.method, path: pathname, reason });
        return forAnyOrigin(failure(pathname, error));
      }
    },
    async reloadSchema() {
      schema.invalidate();
      await schema.current();
    },
    health: () => ({
      status: schema.loadedAt === undefined ? "starting" : "ok",
      schemaReadAt: schema.loadedAt === undefined ? null : new Date(schema.loadedAt).toISOString(),
    }),
    studioUrl: studio.url,
    close,
  };
}

/** Logs one line with the error's code, but without the database's message, which may contain values. */
async function logFailure(log: Logger, request: Request, response: Response): Promise<void> {
  const text = await response.clone().text();
  const code = /"(?:error_)?code":"([^"]+)"/.exec(text)?.[1] ?? null;
  const { pathname } = new URL(request.url);
  log.warn(`${request.method} ${pathname} failed`, { status: response.status, code });
}

/** Adds the secret key to a request from Studio. */
function withKey(request: Request, key: string): Request {
  const headers = new Headers(request.headers);
  headers.set("apikey", key);
  headers.delete("user-agent");
  headers.delete("cookie");
  return withHeaders(request, headers);
}

/** 57P01 to 57P03: the database ends the connection, or does not take new ones. */
const isConnectionLost = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|57P0[123])/;

function failure(path: string, error: unknown): Response {
  if (path.startsWith("/auth/v1"))
    return authError(500, "unexpected_failure", "Unexpected failure");
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (isConnectionLost.test(code)) return connectionError();
  if (error instanceof SchemaUnread) {
    const message = "Could not query the database for the schema cache. Retrying.";
    return apiError(503, { code: "PGRST002", message });
  }
  return apiError(500, { code: "PGRSTX00", message: "Internal error." });
}
