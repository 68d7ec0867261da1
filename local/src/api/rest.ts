import { randomUUID } from "node:crypto";
import { App } from "@supabase/lite";
import type { ProjectKeys } from "../keys.ts";
import type { Tokens } from "../tokens.ts";
import { readBody } from "./body.ts";
import { type ApiKey, apiKeyOf, dataClaims } from "./caller.ts";
import { DataConnection } from "./connection.ts";
import { maxRows, type RequestContext, requestContext } from "./context.ts";
import { Early, type EarlyOptions } from "./early.ts";
import { databaseError, isDatabaseError } from "./errors.ts";
import { veil } from "./filters.ts";
import { describe } from "./openapi.ts";
import { applied, preferencesOf, refusedPreferences } from "./preferences.ts";
import { callFunction } from "./rpc.ts";
import type { Schema, SchemaCache } from "./schema-cache.ts";
import { asSaid, inSession, openingOf } from "./session.ts";
import { write } from "./write.ts";

/** The Data API, `/rest/v1`. */
export interface Rest {
  /** @throws Refusal */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const prefix = "/rest/v1";
// The headers that lite reads. The others reach the database in the request's context.
const forwarded = ["accept", "content-type", "prefer", "range", "range-unit"];

/** The Data API over @supabase/lite, for callers that we verify. */
export function createRest(options: {
  databaseUrl: string;
  schema: SchemaCache;
  schemas: string[];
  keys: ProjectKeys;
  tokens: Tokens;
  early?: EarlyOptions | undefined;
}): Rest {
  const { schema, schemas, keys, tokens } = options;
  const early = options.early && new Early(options.early);
  const connection = new DataConnection(options.databaseUrl, schema, early);
  const pool = connection.driver;
  const app = new App({
    connection,
    auth: { enabled: false },
    storage: { enabled: false },
    studio: { enabled: false },
    api: { schemas, max_rows: maxRows },
    options: {
      server: {
        disableStudio: true,
        disableFallback: true,
        apiKeys: {
          resolver: async (key) => {
            const context = requestContext.getStore();
            if (!context || key !== context.nonce) return null;
            const type = context.role === "service_role" ? "secret" : "publishable";
            return { type, claims: context.claims };
          },
        },
      },
    },
  });

  /** Asks lite to answer the request, or another request that reads the same table. */
  const ask = async (
    method: string,
    given: Headers,
    parameters: URLSearchParams,
    body: string | null,
    context: RequestContext,
  ) => {
    const headers = new Headers({ apikey: context.nonce });
    for (const name of forwarded) {
      const value = given.get(name);
      if (value !== null) headers.set(name, value);
    }
    headers.set("accept-profile", context.schema);
    headers.set("content-profile", context.schema);
    const url = new URL(`http://lite${prefix}${context.path}`);
    url.search = parameters.toString();
    const inner = new Request(url, { method, headers, body });
    const response = await requestContext.run(context, () => app.fetch(inner));
    return context.answer ?? response;
  };

  const answer = async (request: Request, context: RequestContext, body: string | null) => {
    const { headers, method } = request;
    const called = await callFunction(request, context, body, await schema.current(), pool, early);
    if (called) return called;
    const written = await write(request, context, body, {
      pool,
      early,
      schema: await schema.current(),
      read: (parameters, own) => {
        const accept = new Headers({ accept: headers.get("accept") ?? "*/*" });
        return ask("GET", accept, parameters, null, own);
      },
    });
    if (written) return written;
    // lite mistakes the arguments of a HEAD call for filters.
    const asked = method === "HEAD" && context.path.startsWith("/rpc/") ? "GET" : method;
    const response = await ask(asked, headers, context.veil.parameters, body, context);
    return context.said ? asSaid(asRead(response, request, context), context.said) : response;
  };

  return {
    async fetch(request) {
      const key = await apiKeyOf(request, keys, tokens);
      const claims = await dataClaims(request, key, tokens);
      const body = hasBody(request.method) ? await readBody(request) : null;
      const context = async () => contextOf(request, claims, schemas, await schema.current());
      const first = await context();
      const refused = refusedPreferences(first.preferences);
      if (refused) return refused;
      const asked = await aboutSchema(request, first, key.kind, schemas, await schema.current());
      // The project's own pre-request function is called before the root, too.
      if (asked && first.path === "/") {
        const { config } = await schema.current();
        const opening = openingOf(first, { readOnly: true, config });
        const nothing = async () => null;
        try {
          await inSession(connection.driver, opening, nothing, () => false);
        } catch (error) {
          if (!isDatabaseError(error)) throw error;
          return databaseError(error, first.role !== "anon");
        }
      }
      if (asked) return asked;
      const response = await answer(request, first, body);
      // If our view of the schema lacks something, it may have been created since the view was read.
      if (await lacksInSchema(response)) {
        if (await schema.outdated()) return answer(request, await context(), body);
      }
      return response;
    },
    close: () => connection.close(),
  };
}

/** Answers a request about the schema: its description at the root, or the methods that a function accepts. */
async function aboutSchema(
  request: Request,
  { method, path, schema: name }: RequestContext,
  key: ApiKey["kind"],
  schemas: string[],
  schema: Schema,
): Promise<Response | undefined> {
  // As on hosted projects, the root is only for servers, so lite refuses it to others.
  if (path === "/" && /^(GET|HEAD)$/.test(method) && key === "secret" && schemas.includes(name)) {
    const description = JSON.stringify(await describe(schema, name, request.url));
    const headers = { "content-type": "application/openapi+json; charset=utf-8" };
    return new Response(method === "HEAD" ? null : description, { headers });
  }
  const called = method === "OPTIONS" ? /^\/rpc\/([^/]+)$/.exec(path)?.[1] : undefined;
  const named = schema.introspection.functions.filter(
    (each) => each.schema === name && each.name === decodeURIComponent(called ?? ""),
  );
  if (!called || named.length === 0) return undefined;
  const reads = named.every(({ volatility }) => volatility !== "v");
  const allow = reads ? "OPTIONS,GET,HEAD,POST" : "OPTIONS,POST";
  return new Response(null, { headers: { allow } });
}

/** lite's answer with PostgREST's headers of a read, and without our tokens. */
function asRead(response: Response, request: Request, context: RequestContext): Response {
  const headers = new Headers(response.headers);
  headers.delete("preference-applied");
  const kind = context.path.startsWith("/rpc/") ? "call" : "read";
  for (const [name, value] of Object.entries(applied(context.preferences, kind)))
    headers.set(name, value);
  if (headers.has("content-location")) {
    const parameters = new URL(request.url).searchParams;
    parameters.delete("apikey");
    parameters.sort();
    const query = parameters.toString();
    headers.set("content-location", context.path + (query && `?${query}`));
  }
  const body = request.method === "HEAD" ? null : response.body;
  return new Response(body, { status: response.status, headers });
}

const hasBody = (method: string) => !["GET", "HEAD", "OPTIONS"].includes(method);

function contextOf(
  request: Request,
  claims: RequestContext["claims"],
  schemas: string[],
  { introspection, config }: Schema,
): RequestContext {
  const { method, headers } = request;
  const profile = headers.get(hasBody(method) ? "content-profile" : "accept-profile");
  const url = new URL(request.url);
  const path = url.pathname.slice(prefix.length) || "/";
  url.searchParams.delete("apikey");
  const called = /^\/rpc\/([^/]+)$/.exec(path)?.[1];
  const own = introspection.functions.filter(({ name }) => name === called);
  const role = roleOf(claims.role);
  return {
    method,
    path,
    schema: profile ?? schemas[0] ?? "public",
    headers: Object.fromEntries(headers),
    role,
    claims: claims.role === undefined ? { ...claims, role } : claims,
    nonce: randomUUID(),
    preferences: preferencesOf(headers, config.txEnd),
    veil: veil(url.searchParams, new Set(own.flatMap(({ arg_names }) => arg_names))),
  };
}

/** The role in a claim. For a claim that is not a string, this is a name that Postgres refuses. */
function roleOf(claim: unknown): string {
  if (claim === undefined || claim === null) return "anon";
  return typeof claim === "string" ? claim : JSON.stringify(claim);
}

const missingCodes = /"code":"PGRST20[0-5]"/;

async function lacksInSchema(response: Response): Promise<boolean> {
  if (response.status !== 404 && response.status !== 400) return false;
  return missingCodes.test(await response.clone().text());
}
