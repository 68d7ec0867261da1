import { createClient } from "@supabase/supabase-js";
import type { Activity, AgentCard } from "./agents/agents.ts";
import { agentRow, cardRow, stopped } from "./agents/answers.ts";
import { Presence } from "./agents/presence.ts";
import { type AgentRow, type AgentTypeRow, type Issued, Session } from "./agents/session.ts";
import type { Database } from "./contract/database.types.ts";
import { failed, MayflyError, ok, type Result } from "./contract/errors.ts";
import { Debug, type DebugOptions } from "./debug/debug.ts";
import { callFunction, fromDataApi, type MayflyClient } from "./link/call.ts";
import { reconnectAfterMs } from "./link/connection-errors.ts";
import { type Limit, Requests } from "./link/requests.ts";
import { type FromRow, fromRow } from "./link/rows.ts";
import { joinTopic, leaveTopics, whenLive } from "./link/topics.ts";
import { beaten, type Newest } from "./log/answers.ts";
import { attendanceOf } from "./log/attendance.ts";
import { inboxTopic, setOwner } from "./log/nudges.ts";
import type { CacheOptions } from "./memory/cache.ts";
import type { HybridClock } from "./outbox/hybrid-clock.ts";
import { type Left, silenceMs, withLeft } from "./outbox/last-push.ts";
import type { Outboxes } from "./outbox/outboxes.ts";

/** What a connection of an agent needs of its Mayfly. */
export interface AgentConnection {
  url: string;
  key: string;
  /** A client without a caller: the renewal secret suffices alone. */
  anonymous: MayflyClient;
  /** By tenant: what agents learned and the server has not acknowledged. */
  outboxes: Outboxes;
  cache: CacheOptions;
  debug: DebugOptions;
  /** Those that have a connection, children included. */
  agents: Set<AgentLife>;
}

/** An agent's identity and life: its token, its heartbeat, its end. */
export class AgentLife {
  /** The agent's own SupabaseClient, schema `mayfly`: row-level security shows it its tenant. */
  readonly client: MayflyClient;
  /** What it shows of itself to who watches. */
  readonly presence: Presence;
  /** What it tells of its work, while somebody watches. */
  readonly debug: Debug;
  /**
   * Settles when the agent is over: null after its own `stop`, `suspend` or `close`, else why:
   * `agent_not_alive`, `agent_suspended`, `renewal_reused`. With a live connection it is told at once.
   */
  readonly ended: Promise<MayflyError | null>;
  protected readonly connection: AgentConnection;
  /** The server's time, as its tokens and answers tell it. */
  protected readonly clock: HybridClock;
  readonly #session: Session;
  readonly #requests = new Requests();
  #concluded: MayflyError | undefined;
  #over: (why: MayflyError | null) => void = () => {};

  constructor(connection: AgentConnection, issued: Issued) {
    this.connection = connection;
    connection.agents.add(this);
    this.ended = new Promise((resolve) => {
      this.#over = resolve;
    });
    const session = new Session(connection.anonymous, issued);
    this.#session = session;
    this.client = createClient<Database, "mayfly">(connection.url, connection.key, {
      db: { schema: "mayfly" },
      realtime: { reconnectAfterMs },
      global: { fetch: this.#requests.fetch },
      accessToken: () => this.#requests.orElse(session.token(), ""),
    });
    setOwner(this.client, issued.agent.id);
    this.clock = connection.outboxes.of(issued.agent.tenant_id).clock;
    this.clock.learnFromToken(issued.token);
    session.onToken = (token) => {
      this.clock.learnFromToken(token);
      void this.client.realtime.setAuth(token).catch(() => {});
      this.debug.note("lifecycle", "renewed", () => ({ expires_at: this.expiresAt }));
    };
    session.onEnd = (error) => void this.#end(error);
    this.debug = new Debug(this.client, this, connection.debug);
    whenLive(this.client, () => this.#live());
    if (issued.watched) this.debug.listen();
    this.presence = new Presence(this.client, issued.agent.tenant_id, issued.agent);
    attendanceOf(this.client).begin(() => this.#beat({}));
  }

  /** Its id, which its memories bear. */
  get id(): string {
    return this.#session.agent.id;
  }
  /** Its name: no other living agent of the tenant has it. */
  get name(): string {
    return this.#session.agent.name;
  }
  /** The name of its type; `agent` by default. */
  get type(): string {
    return this.#session.agent.type;
  }
  /** The type as it was defined when the agent was spawned: its role, its prompt; null if it was not. */
  get definition(): FromRow<AgentTypeRow> | null {
    const { type } = this.#session;
    return type && fromRow(type);
  }
  /** The tenant that it lives in. */
  get tenantId(): string {
    return this.#session.agent.tenant_id;
  }
  /** The agent that spawned it; null of one that a person, a machine or the secret key spawned. */
  get parentId(): string | null {
    return this.#session.agent.parent_id;
  }
  /** What it may do. */
  get scopes(): string[] {
    return this.#session.agent.scopes;
  }
  /** What it says it can do, by which it is found. */
  get capabilities(): string[] {
    return this.#session.agent.capabilities;
  }
  /** When it ends unless it is renewed. */
  get expiresAt(): Date {
    return new Date(this.#session.agent.expires_at);
  }
  /** Seconds until then, by the server's time; 0 when it is over. */
  get secondsLeft(): number {
    return Math.max(0, (this.expiresAt.getTime() - this.clock.now) / 1000);
  }

  /** The agent as others see it. */
  async card(): Promise<Result<AgentCard>> {
    const answer = fromDataApi(await this.client.rpc("get_agent", { id: this.id }), cardRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /**
   * Says that the agent is there and, if it has changed, what it does. Sent every 30 s by itself.
   *
   * @example
   * await agent.heartbeat({ activity: "thinking", task: "Read the migration" });
   */
  async heartbeat(state: { activity?: Activity; task?: string } = {}): Promise<Result<null>> {
    const answer = await this.#beat(state);
    if (answer.error) return answer;
    attendanceOf(this.client).hears(answer.data);
    return ok(null);
  }

  async #beat(state: { activity?: Activity; task?: string }): Promise<Result<Newest>> {
    const { log, channels, lost } = attendanceOf(this.client).next();
    const answer = fromDataApi(
      await this.client.rpc("heartbeat", { ...state, log, channels, lost }),
      beaten,
    );
    // What told it of its end may be lost: the renewal says why it is over.
    if (answer.error?.code === "not_authorized") void this.#session.renew();
    if (answer.error) return answer;
    if (answer.data.watched) this.debug.listen();
    return ok(answer.data.newest);
  }

  /** Renews the token now, and the life of the agent as far as its tenant allows. */
  async renew(): Promise<Result<{ expiresAt: Date }>> {
    const { error } = await this.#session.renew();
    return error ? failed(error) : ok({ expiresAt: this.expiresAt });
  }

  /** How many ancestors it has: a child ends before its parent. */
  get depth(): number {
    return this.#session.agent.depth;
  }

  /**
   * Suspends the agent: it and its descendants can do nothing until its parent or a member resumes it.
   * What it remembered is pushed first, as `stop` does.
   */
  async suspend(reason?: string): Promise<Result<AgentRow>> {
    return this.#requests.within(silenceMs, async (limit) => {
      const left = await this.finish(limit);
      const answer = fromDataApi(
        await this.client.rpc("suspend_agent", { ...(reason && { reason }) }),
        agentRow,
      );
      if (answer.error) return answer;
      await this.leave();
      return withLeft(answer, left, "The agent is suspended");
    });
  }

  /**
   * Pushes what it remembered, and ends the agent: from that moment its token is worth nothing, and this
   * object remembers nothing more. Waits for the server while it answers, and 10 s when it does not.
   *
   * @returns `not_pushed` when the agent has ended and `details.unsynced` operations are still in the
   * outbox; what refused the end itself has `details.unsynced` too. An agent that cannot be stopped ends
   * with its lifetime.
   * @example
   * const { error } = await agent.stop("done");
   * if (error?.code === "not_pushed") console.log(error.details, error.hint);
   */
  stop(reason?: string): Promise<Result<{ agent: AgentRow }>> {
    const body = reason ? { reason } : {};
    this.debug.note("lifecycle", "stopped", () => body);
    return this.#conclude("The agent has stopped", () =>
      callFunction(this.client, "spawn", stopped, body, { method: "DELETE" }),
    );
  }

  /**
   * Pushes what it remembered, leaves every channel and renews no more, without ending the agent: it ends
   * with its lifetime.
   *
   * @returns `not_pushed`, as `stop` does.
   */
  close(): Promise<Result<null>> {
    return this.#conclude("This connection of the agent is closed", async () => ok(null));
  }

  /** Why it can do nothing more: null while it can. */
  protected get over(): MayflyError | null {
    return this.#concluded ?? this.#session.over ?? null;
  }

  /** The last that it does with its token. @returns what of it is not on the server. */
  protected async finish(_limit: Limit): Promise<Left | null> {
    await Promise.all([this.debug.flush(), this.debug.stopWatches()]);
    return null;
  }

  /** Lets go of everything. */
  protected async leave(): Promise<void> {
    this.connection.agents.delete(this);
    attendanceOf(this.client).end();
    this.debug.close();
    this.#session.end();
    await this.debug.stopWatches();
    await this.presence.leave();
    await leaveTopics(this.client);
    this.#over(null);
  }

  #conclude<T>(what: string, last: () => Promise<Result<T>>): Promise<Result<T>> {
    this.#concluded ??= this.#session.over ?? concluded();
    return this.#requests.within(silenceMs, async (limit) => {
      const left = await this.finish(limit);
      const answer = await last();
      await this.leave();
      return withLeft(answer, left, what);
    });
  }

  async #end(why: MayflyError): Promise<void> {
    attendanceOf(this.client).end();
    await this.presence.leave();
    await leaveTopics(this.client);
    this.#over(why);
    await this.leave();
  }

  /** It has a live connection: who wants to know more of it can say so. */
  #live(): void {
    this.#obey();
    this.debug.listen();
    const { name, type, parent_id, spawned_at, expires_at } = this.#session.agent;
    this.debug.note("lifecycle", "spawned", () => ({
      name,
      type,
      parent: parent_id,
      spawned_at,
      expires_at,
    }));
  }

  /** Hears in its inbox that it was stopped or suspended: a living connection leaves at once. */
  #obey(): void {
    void joinTopic(this.client, inboxTopic(this.tenantId, this.id), {
      onMessage: (event, { status, reason }) => {
        if (event === "control") this.#session.end(overBy(String(status), reason));
      },
    });
  }
}

const concluded = () =>
  new MayflyError({
    code: "agent_not_alive",
    message: "The agent was stopped, suspended or closed here.",
    hint: "Spawn another agent.",
    details: null,
  });

function overBy(status: string, reason: unknown): MayflyError {
  const suspended = status === "suspended";
  return new MayflyError({
    code: suspended ? "agent_suspended" : "agent_not_alive",
    message: suspended ? "The agent was suspended." : "The agent was stopped.",
    hint: suspended ? "Its parent or a member can resume it." : "Spawn another agent.",
    details: { reason: reason ?? null },
  });
}
