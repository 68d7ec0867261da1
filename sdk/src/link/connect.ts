import { createClient } from "@supabase/supabase-js";
import type { Database } from "../contract/database.types.ts";
import { type ApplicationClient, sessionToken } from "./application-client.ts";
import type { MayflyClient } from "./call.ts";
import { reconnectAfterMs } from "./connection-errors.ts";

/** Which project to use, as whom, and in which tenant. */
interface ConnectOptions {
  url: string;
  key: string;
  tenant?: string;
  client?: ApplicationClient;
}

/**
 * Makes a client for the schema mayfly. If `client` is given, it acts as the person who is signed in there.
 */
export function connect(
  { url, key, tenant, client }: ConnectOptions,
  fetch: typeof globalThis.fetch,
): MayflyClient {
  return createClient<Database, "mayfly">(url, key, {
    db: { schema: "mayfly" },
    realtime: { reconnectAfterMs },
    global: { fetch, ...(tenant && { headers: { "x-mayfly-tenant": tenant } }) },
    ...(client
      ? { accessToken: sessionToken(client) }
      : { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } }),
  });
}

/**
 * Makes a client without an identity. It has no Auth client, because supabase-js warns if a page has
 * several.
 */
export function connectAnonymously(
  { url, key }: ConnectOptions,
  fetch: typeof globalThis.fetch,
): MayflyClient {
  return createClient<Database, "mayfly">(url, key, {
    db: { schema: "mayfly" },
    global: { fetch },
    accessToken: async () => null,
  });
}
