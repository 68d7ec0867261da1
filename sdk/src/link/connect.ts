import { createClient } from "@supabase/supabase-js";
import type { Database } from "../contract/database.types.ts";
import { type ApplicationClient, sessionToken } from "./application-client.ts";
import type { MayflyClient } from "./call.ts";
import { reconnectAfterMs } from "./connection-errors.ts";

/** Which project, as whom, in which tenant. */
interface ConnectOptions {
  url: string;
  key: string;
  tenant?: string;
  client?: ApplicationClient;
}

/** A client of the schema mayfly; signed in as whoever is signed in to `client`, if it is given. */
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

/** As nobody. Without an Auth client of its own: of several in one page, supabase-js warns. */
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
