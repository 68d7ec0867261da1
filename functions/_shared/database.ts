/** Connects to the database as the caller. Row-level security decides what the caller sees. */
import {
  createAdminClient,
  createContextClient,
  extractCredentials,
  verifyCredentials,
} from "@supabase/server/core";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Database } from "../../sdk/src/contract/database.types.ts";
import { isErrorCode } from "../../sdk/src/contract/errors.ts";
import { olderDatabase } from "../../sdk/src/contract/older-database.ts";
import { unfinishedCall } from "../../sdk/src/contract/unfinished-call.ts";
import { version } from "../../sdk/src/contract/version.ts";
import { Refusal } from "./answer.ts";
import { verifyToken } from "./tokens.ts";

/** Tells the database the version of the functions: see mayfly_private.check_version. */
const ofFunctions = { "x-mayfly-functions": version };

export type MayflyClient = SupabaseClient<Database, "mayfly">;

/** A client that acts as the caller of `request`: an agent, a person or the secret key. */
export async function connectAsCaller(request: Request): Promise<MayflyClient> {
  const { token, apikey } = extractCredentials(request);
  const tenant = request.headers.get("x-mayfly-tenant");
  const supabaseOptions = {
    db: { schema: "mayfly" as "public" },
    global: { headers: { ...ofFunctions, ...(tenant && { "x-mayfly-tenant": tenant }) } },
  };
  // supabase-js also sends an API key as a Bearer token, but a key is not a token.
  if (token && !token.startsWith("sb_")) {
    if (!(await verifyToken(token))) throw notAuthorized("The token is not valid.");
    return createContextClient<Database>({
      auth: { token },
      supabaseOptions,
    }) as unknown as MayflyClient;
  }
  const { data, error } = await verifyCredentials({ token: null, apikey }, { auth: ["secret:*"] });
  if (error)
    throw notAuthorized(
      apikey?.startsWith("sb_secret_")
        ? "The secret key does not belong to this project."
        : "The request has no token.",
    );
  return createAdminClient<Database>({
    auth: { keyName: data.keyName ?? null },
    supabaseOptions,
  }) as unknown as MayflyClient;
}

/** How long to remember that a caller has a scope. The database checks every call nevertheless. */
const rememberedMs = 30_000;
const maxRemembered = 1_000;
const remembered = new Map<string, number>();

/**
 * Whether the caller has a scope in a tenant. Ask this before you embed a text for the caller: embedding costs
 * money or time, and the database would refuse the caller only afterwards.
 */
export async function hasScope(
  client: MayflyClient,
  { headers }: Request,
  scope: string,
): Promise<boolean> {
  const caller = ["authorization", "apikey", "x-mayfly-tenant"].map((name) => headers.get(name));
  const asked = JSON.stringify([scope, ...caller]);
  if ((remembered.get(asked) ?? 0) > Date.now()) return true;
  const tenants = await call(() => client.rpc("tenant_ids", { scope }));
  if (!tenants?.length) return false;
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(asked, Date.now() + rememberedMs);
  return true;
}

/** A client with a token of our own: see `POST /spawn/renew`. */
export function connectWithToken(token: string): MayflyClient {
  const keys = JSON.parse(Deno.env.get("SUPABASE_PUBLISHABLE_KEYS") ?? "{}") as Record<
    string,
    string
  >;
  return createClient<Database, "mayfly">(Deno.env.get("SUPABASE_URL") ?? "", keys.default ?? "", {
    db: { schema: "mayfly" },
    global: { headers: ofFunctions },
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    accessToken: () => Promise.resolve(token),
  });
}

/** A client with the project's secret key, in one tenant, for work that no caller may do. */
export function connectAsProject(tenant: string): MayflyClient {
  return createAdminClient<Database>({
    supabaseOptions: {
      db: { schema: "mayfly" as "public" },
      global: { headers: { ...ofFunctions, "x-mayfly-tenant": tenant } },
    },
  }) as unknown as MayflyClient;
}

const notAuthorized = (message: string) =>
  new Refusal(
    401,
    "not_authorized",
    message,
    "Send the token of a living agent or a signed-in person as Authorization: Bearer, or the secret key as apikey.",
  );

interface DatabaseAnswer<T> {
  data: T;
  /** An answer of the gateway in front of the database has no code. */
  error: { code?: string; message: string; details: string | null; hint: string | null } | null;
  status: number;
}

/**
 * Returns the data of a call, or throws its error as an error of Mayfly. Deadlocks are retried at
 * most twice.
 */
export async function call<T>(run: () => PromiseLike<DatabaseAnswer<T>>, tries = 3): Promise<T> {
  const { data, error, status } = await run();
  if (!error) return data;
  if (error.code === "40P01" && tries > 1) return call(run, tries - 1);
  if (isErrorCode(error.code)) {
    throw new Refusal(
      status as ContentfulStatusCode,
      error.code,
      error.message,
      error.hint,
      error.details ? JSON.parse(error.details) : null,
    );
  }
  const said = olderDatabase(error, "functions") ?? unfinishedCall(error);
  if (said) throw new Refusal(503, said.code, said.message, said.hint, said.details);
  if (status === 401) throw notAuthorized("The token is missing or not valid.");
  if (error.code === "42501") {
    throw new Refusal(
      403,
      "not_authorized",
      "The caller may not do this.",
      "Some calls need the secret key, and a publishable key alone may do nothing.",
    );
  }
  if (error.code?.startsWith("22")) {
    throw new Refusal(400, "invalid_request", "A value of the request has the wrong type.");
  }
  const refusal =
    status === 0 || status >= 502 || /^(?:08|25|5[3578])/.test(error.code ?? "08")
      ? new Refusal(503, "unavailable", "The database could not be reached.", "Try again shortly.")
      : new Refusal(
          500,
          "internal",
          "Mayfly failed to answer this request.",
          "Try again. The function's logs have the error under this request id.",
        );
  throw Object.assign(refusal, { cause: `${error.code ?? status} ${error.message}` });
}
