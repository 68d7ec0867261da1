import { createClient } from "@supabase/supabase-js";
import { Agent } from "./agent.ts";
import { callFunction, fromDataApi, type MayflyClient } from "./call.ts";
import type { Database } from "./database.types.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";
import { type PresentAgent, watchPresence } from "./presence.ts";
import type { Issued } from "./session.ts";

export interface MayflyOptions {
  /** The project's, as `https://<ref>.supabase.co` or `http://127.0.0.1:54321`. */
  url: string;
  /** The publishable key, or on a server the secret key. */
  key: string;
  /** The tenant to work in; needed by the secret key, and by a person in several tenants. */
  tenant?: string;
  /** The application's own SupabaseClient: whoever is signed in there is the caller. */
  client?: MayflyClient;
}

export interface SpawnOptions {
  /** Shown to people; 1 to 100 characters. */
  name: string;
  /** Lower case letters, digits, dots, dashes, underscores; `agent` by default. */
  type?: string;
  /** Seconds, 5 to the tenant's maximum (15 minutes by default); 300 by default. */
  lifetime?: number;
  capabilities?: string[];
  /** A subset of the caller's; without it what most agents need. */
  scopes?: string[];
  task?: string;
  metadata?: Record<string, unknown>;
}

export interface Tenant {
  id: string;
  name: string;
}

/**
 * A tenant's door: spawns agents, shows who is there.
 *
 * @example
 * const mayfly = new Mayfly({ url, key });
 * const { data: agent, error } = await mayfly.spawn({ name: "analyst", lifetime: 60 });
 * if (error) throw error;
 * await agent.remember({ task: "Greet", output: "Say hello first." });
 * await agent.sync();
 * await agent.stop();
 */
export class Mayfly {
  /** Acts as the caller, schema `mayfly`. */
  readonly client: MayflyClient;
  readonly #options: MayflyOptions;
  /** Without a caller: for renewals, whose secret suffices alone. */
  readonly #anonymous: MayflyClient;

  constructor(options: MayflyOptions) {
    const { url, key, tenant, client } = options;
    this.#options = options;
    this.client = client ?? connect(url, key, tenant);
    this.#anonymous = connect(url, key);
  }

  /** Tenants: created with the secret key. */
  readonly tenants = {
    /** Creates a tenant. */
    create: async ({ name }: { name: string }): Promise<Result<Tenant>> =>
      fromDataApi(await this.client.rpc("create_tenant", { name }).single()),
    /** The tenants that the caller belongs to; with the secret key, all. */
    list: async (): Promise<Result<Tenant[]>> =>
      fromDataApi(await this.client.from("tenants").select("id, name").order("created_at")),
  };

  readonly agents = {
    /**
     * Calls `handler` with the agents that are present, now and at every change.
     *
     * @returns a function that stops watching.
     */
    watch: async (
      handler: (present: PresentAgent[]) => void,
    ): Promise<Result<() => Promise<void>>> => {
      const { tenant } = this.#options;
      if (!tenant) return failed(noTenant());
      return watchPresence(this.client, tenant, handler);
    },
  };

  /** Spawns an agent. It renews its own token, and ends with its lifetime if this process dies. */
  async spawn(options: SpawnOptions): Promise<Result<Agent>> {
    const { url, key } = this.#options;
    const { data, error } = await callFunction<Issued>(this.client, "spawn", options);
    return error ? failed(error) : ok(new Agent(url, key, this.#anonymous, data));
  }

  /** Leaves every channel. The agents that it spawned go on. */
  async close(): Promise<void> {
    await this.client.removeAllChannels();
    await this.client.realtime.disconnect();
  }
}

function connect(url: string, key: string, tenant?: string): MayflyClient {
  return createClient<Database, "mayfly">(url, key, {
    db: { schema: "mayfly" },
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(tenant && { global: { headers: { "x-mayfly-tenant": tenant } } }),
  });
}

const noTenant = () =>
  new MayflyError({
    code: "tenant_unknown",
    message: "Presence belongs to a tenant.",
    hint: "Give new Mayfly({ tenant }) the id of one.",
    details: null,
  });
