import type { Telemetry } from "./contract/telemetry.ts";
import type { DebugOptions } from "./debug/debug.ts";
import type { ApplicationClient } from "./link/application-client.ts";
import type { Transport } from "./link/transport.ts";
import type { CacheOptions } from "./memory/cache.ts";
import type { OutboxLimits } from "./outbox/outbox.ts";
import type { OutboxStorage } from "./outbox/storage.ts";

/** Which project to use, as whom, and in which tenant. */
export interface MayflyOptions {
  /** The project's URL, such as `https://<ref>.supabase.co` or `http://127.0.0.1:54321`. */
  url: string;
  /** The publishable key, or on a server the secret key. */
  key: string;
  /** The tenant in which to work. The secret key needs it, and so does a person in several tenants. */
  tenant?: string;
  /**
   * The application's own SupabaseClient, of any supabase-js 2.x. The person who is signed in there is the
   * caller. A client with its own `accessToken` (Clerk, Auth0) throws `invalid_request`.
   */
  client?: ApplicationClient;
  /** The prefix of the edge functions' names, if you installed them with `mayfly init --prefix mayfly-`. */
  functionsPrefix?: string;
  /** A machine's key (`mfk_…`). It can spawn agents and do nothing else. */
  enrolmentKey?: string;
  /**
   * Where to keep what agents remember until the server has acknowledged it: a folder in Node, Deno and Bun,
   * the name of an IndexedDB database in a browser, or your own storage. By default, it is kept in memory.
   */
  storage?: string | OutboxStorage;
  /** How much the outbox keeps at most. When it is full, `remember` returns `outbox_full`. */
  outbox?: OutboxLimits;
  /** How much each agent caches. */
  cache?: CacheOptions;
  /** Settings for its agents' debug streams. */
  debug?: DebugOptions;
  /**
   * Observes the work of this `Mayfly` and its agents, for example `openTelemetry()` of
   * `@mayfly/opentelemetry`.
   */
  telemetry?: Telemetry;
  /**
   * Calls the database over its own connections: a `PostgresTransport` of `@mayfly/sdk/postgres`. It is for
   * long-lived workers next to the database, with the secret key or as agents, not for a person (`client`).
   */
  transport?: Transport;
}

/** Which project a request is for. The caller comes from the request. */
export type CallerOptions = Omit<MayflyOptions, "client" | "transport" | "enrolmentKey">;
