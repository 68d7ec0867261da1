import { randomUUID } from "node:crypto";
import { App } from "@supabase/lite";
import type { ProjectKeys } from "../keys.ts";
import type { Tokens } from "../tokens.ts";
import { readBody } from "./body.ts";
import { apiKeyOf, dataClaims } from "./caller.ts";
import { DataConnection } from "./connection.ts";
import { maxRows, type RequestContext, requestContext } from "./context.ts";
import { Early, type EarlyOptions } from "./early.ts";
import { withTextForLists } from "./json.ts";
import { callFunction } from "./rpc.ts";
import type { SchemaCache } from "./schema-cache.ts";

/** The Data API, `/rest/v1`. */
export interface Rest {
  /** @throws Refusal */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const prefix = "/rest/v1";
// What lite reads. The rest of the request's headers reach the database by its context.
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

  const answer = async (request: Request, context: RequestContext, body: string | null) => {
    const called = await callFunction(request, context, body, schema, connection.driver, early);
    if (called) return called;
    const headers = new Headers({ apikey: context.nonce });
    for (const name of forwarded) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    headers.set("accept-profile", context.schema);
    headers.set("content-profile", context.schema);
    const url = new URL(request.url);
    url.searchParams.delete("apikey");
    const { introspection } = await schema.current();
    const name = decodeURIComponent(context.path.slice(1));
    const table = { schema: context.schema, name };
    const inner = new Request(url, {
      method: request.method,
      headers,
      body: body === null ? null : withTextForLists(body, table, introspection),
    });
    const response = await requestContext.run(context, () => app.fetch(inner));
    return context.answer ?? response;
  };

  return {
    async fetch(request) {
      const key = await apiKeyOf(request, keys, tokens);
      const claims = await dataClaims(request, key, tokens);
      const body = hasBody(request.method) ? await readBody(request) : null;
      const context = () => contextOf(request, claims, schemas);
      const response = await answer(request, context(), body);
      // What the picture of the schema lacks may have been made a moment ago.
      if (await lacksInSchema(response)) {
        if (await schema.outdated()) return answer(request, context(), body);
      }
      return response;
    },
    close: () => connection.close(),
  };
}

const hasBody = (method: string) => !["GET", "HEAD", "OPTIONS"].includes(method);

function contextOf(
  request: Request,
  claims: RequestContext["claims"],
  schemas: string[],
): RequestContext {
  const { method, headers } = request;
  const profile = headers.get(hasBody(method) ? "content-profile" : "accept-profile");
  const path = new URL(request.url).pathname.slice(prefix.length) || "/";
  const role = roleOf(claims.role);
  return {
    method,
    path,
    schema: profile ?? schemas[0] ?? "public",
    headers: Object.fromEntries(headers),
    role,
    claims: claims.role === undefined ? { ...claims, role } : claims,
    nonce: randomUUID(),
  };
}

/** One that is no text is a role that does not exist: Postgres refuses it. */
function roleOf(claim: unknown): string {
  if (claim === undefined || claim === null) return "anon";
  return typeof claim === "string" ? claim : JSON.stringify(claim);
}

const missingCodes = /"code":"PGRST20[0-5]"/;

async function lacksInSchema(response: Response): Promise<boolean> {
  if (response.status !== 404 && response.status !== 400) return false;
  return missingCodes.test(await response.clone().text());
}
