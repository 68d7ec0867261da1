import { createClient } from "@supabase/supabase-js";
import type { CacheOptions } from "./cache.ts";
import { callFunction, type MayflyClient } from "./call.ts";
import type { Database } from "./database.types.ts";
import { failed, ok, type Result } from "./errors.ts";
import type { Outboxes } from "./outbox.ts";
import { Presence } from "./presence.ts";
import { type AgentRow, type Issued, Session } from "./session.ts";

/** What a connection of an agent needs of its Mayfly. */
export interface AgentConnection {
  url: string;
  key: string;
  /** A client without a caller: the renewal secret suffices alone. */
  anonymous: MayflyClient;
  outboxes: Outboxes;
  cache: CacheOptions;
}

/** An agent's identity and life: its token, its end. */
export class AgentLife {
  /** The agent's own SupabaseClient, schema `mayfly`: row-level security shows it its tenant. */
  readonly client: MayflyClient;
  readonly presence: Presence;
  protected readonly connection: AgentConnection;
  readonly #session: Session;

  constructor(connection: AgentConnection, issued: Issued) {
    this.connection = connection;
    const session = new Session(connection.anonymous, issued);
    this.#session = session;
    this.client = createClient<Database, "mayfly">(connection.url, connection.key, {
      db: { schema: "mayfly" },
      accessToken: () => session.token(),
    });
    session.onToken = (token) => void this.client.realtime.setAuth(token);
    session.onEnd = () => void this.close();
    this.presence = new Presence(this.client, issued.agent.tenant_id, issued.agent);
  }

  get id(): string {
    return this.#session.agent.id;
  }
  get name(): string {
    return this.#session.agent.name;
  }
  get type(): string {
    return this.#session.agent.type;
  }
  get tenantId(): string {
    return this.#session.agent.tenant_id;
  }
  get scopes(): string[] {
    return this.#session.agent.scopes;
  }
  /** When it ends unless it is renewed. */
  get expiresAt(): Date {
    return new Date(this.#session.agent.expires_at);
  }

  /** Renews the token now, and the life of the agent as far as its tenant allows. */
  async renew(): Promise<Result<{ expiresAt: Date }>> {
    const { error } = await this.#session.renew();
    return error ? failed(error) : ok({ expiresAt: this.expiresAt });
  }

  /** Ends the agent: from that moment its token is worth nothing. What it remembered stays. */
  async stop(reason?: string): Promise<Result<{ agent: AgentRow }>> {
    const body = reason ? { reason } : {};
    const answer = await callFunction<{ agent: AgentRow }>(this.client, "spawn", body, "DELETE");
    await this.close();
    return answer;
  }

  /** Leaves every channel and renews no more, without ending the agent: it ends by itself. */
  async close(): Promise<void> {
    this.#session.end();
    await this.presence.leave();
    await this.client.removeAllChannels();
    await this.client.realtime.disconnect();
  }
}
