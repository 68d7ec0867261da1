import { createClient } from "@supabase/supabase-js";
import { Agent } from "./agent.ts";
import type { CacheOptions } from "./cache.ts";
import { callFunction, fromDataApi, type MayflyClient } from "./call.ts";
import type { Database } from "./database.types.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";
import { Outboxes } from "./outbox.ts";
import { type PresentAgent, watchPresence } from "./presence.ts";
import { type Pushed, pushOutbox } from "./push.ts";
import { type RunOptions, run } from "./run.ts";
import type { Issued } from "./session.ts";
import type { OutboxStorage } from "./storage.ts";
import { startWatch, type Watch, type WatchHandler, type WatchOptions } from "./watch.ts";

export interface MayflyOptions {
  /** The project's, as `https://<ref>.supabase.co` or `http://127.0.0.1:54321`. */
  url: string;
  /** The publishable key, or on a server the secret key. */
  key: string;
  /** The tenant to work in; needed by the secret key, and by a person in several tenants. */
  tenant?: string;
  /** The application's own SupabaseClient: whoever is signed in there is the caller. */
  client?: MayflyClient;
  /**
   * Where what was learned is kept until the server has acknowledged it: a folder in Node, Deno and
   * Bun, the name of an IndexedDB database in a browser, or an adapter. Without it, memory.
   */
  storage?: string | OutboxStorage;
  /** Of what each agent holds itself. */
  cache?: CacheOptions;
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
  readonly #outboxes: Outboxes;

  constructor(options: MayflyOptions) {
    const { url, key, tenant, client } = options;
    this.#options = options;
    this.client = client ?? connect(url, key, tenant);
    this.#anonymous = connect(url, key);
    this.#outboxes = new Outboxes(options.storage);
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
      if (!tenant) return failed(noTenant("Presence"));
      return watchPresence(this.client, tenant, handler);
    },
  };

  /** Spawns an agent. It renews its own token, and ends with its lifetime if this process dies. */
  async spawn(options: SpawnOptions): Promise<Result<Agent>> {
    const { data, error } = await callFunction<Issued>(this.client, "spawn", options);
    return error ? failed(error) : ok(this.#connectAgent(data));
  }

  /**
   * Spawns an agent, pulls, works, pushes, stops: also when the work throws. See {@link run}.
   *
   * @example
   * const { data: answer, error } = await mayfly.run({ name: "analyst" }, async (agent) => {
   *   const { data } = await agent.context({ task: "Rotate the key", maxTokens: 2_000 });
   *   await agent.remember({ task: "Rotate the key", output: "Done.", reward: 1 });
   *   return data?.text;
   * });
   */
  run<T>(options: RunOptions, work: (agent: Agent) => Promise<T> | T): Promise<Result<T>> {
    return run(this, options, work);
  }

  /**
   * Pushes what agents that are gone left in the outbox, as the caller: a member of the tenant or
   * the secret key. A living agent does the same with its `sync`.
   *
   * @returns `unavailable`, `not_authorized`, `scope_missing`, `storage_failed`, `tenant_unknown`.
   * @example
   * const mayfly = new Mayfly({ url, key, tenant, storage: ".mayfly-outbox" });
   * const { data } = await mayfly.drain();
   */
  async drain(): Promise<Result<Pushed>> {
    const { tenant } = this.#options;
    if (!tenant) return failed(noTenant("An outbox"));
    const outbox = this.#outboxes.of(tenant);
    const pushed = await pushOutbox(this.client, outbox, null);
    await outbox.close();
    return pushed;
  }

  /**
   * Hands over what happens in the tenant, until `stop()`: each event once, none missed, whatever
   * the connection does. See {@link WatchOptions}.
   *
   * @returns `unavailable`, `not_authorized`, `cursor_invalid`, `tenant_unknown`.
   * @example
   * const { data: watch } = await mayfly.watch({ types: ["agent.*"] }, async ({ events, cursor }) => {
   *   for (const { type, subject } of events) console.log(type, subject);
   *   await keep(cursor);
   * });
   */
  async watch(options: WatchOptions, handler: WatchHandler): Promise<Result<Watch>> {
    const { tenant } = this.#options;
    if (!tenant) return failed(noTenant("A log"));
    return startWatch(this.client, tenant, options, handler);
  }

  /** Leaves every channel. The agents that it spawned go on. */
  async close(): Promise<void> {
    await this.client.removeAllChannels();
    await this.client.realtime.disconnect();
  }

  #connectAgent(issued: Issued): Agent {
    const { url, key, cache = {} } = this.#options;
    const connection = { url, key, anonymous: this.#anonymous, outboxes: this.#outboxes, cache };
    return new Agent(connection, issued);
  }
}

function connect(url: string, key: string, tenant?: string): MayflyClient {
  return createClient<Database, "mayfly">(url, key, {
    db: { schema: "mayfly" },
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(tenant && { global: { headers: { "x-mayfly-tenant": tenant } } }),
  });
}

const noTenant = (what: string) =>
  new MayflyError({
    code: "tenant_unknown",
    message: `${what} belongs to a tenant.`,
    hint: "Give new Mayfly({ tenant }) the id of one.",
    details: null,
  });
