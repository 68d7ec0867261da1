import { createClient } from "@supabase/supabase-js";
import type { Database } from "../contract/database.types.ts";
import { type ErrorCode, failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import type { Telemetry } from "../contract/telemetry.ts";
import { inboxTopic } from "../contract/topics.ts";
import type { Newest } from "../link/attendance.ts";
import { reconnectAfterMs } from "../link/connection-errors.ts";
import type { HybridClock } from "../link/hybrid-clock.ts";
import { Link } from "../link/link.ts";
import { type Limit, Requests } from "../link/requests.ts";
import { fromRow } from "../link/rows.ts";
import type { Transport } from "../link/transport.ts";
import { type Left, notPushed, silenceMs, withLeft } from "../link/unsent-at-close.ts";
import { agentRow, beaten, cardRow, stopped } from "./answers.ts";
import type { Activity, AgentCard } from "./card.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./issued.ts";
import { Session } from "./session.ts";

/** What an agent's life needs from its `Mayfly`. */
export interface LifeParts {
  url: string;
  key: string;
  /** A connection without a caller, because renewing needs only the renewal secret. */
  anonymous: Link;
  /** The server's time, learned from its tokens and answers. */
  clock: HybridClock;
  /** The prefix of the edge functions' names. */
  functionsPrefix?: string | undefined;
  /** How to call the database. By default, through the Data API. */
  transport?: Transport | undefined;
  telemetry?: Telemetry | undefined;
}

/** A part of an agent, such as its inbox, that has to close with it. */
export interface Held {
  /** Does what still needs the token. Returns what has not reached the server. */
  finish?(limit: Limit): Promise<Left | null>;
  /** Releases everything. */
  close(): Promise<void>;
}

/** An agent's identity and life: its token, its heartbeat, its end. */
export class Life {
  readonly link: Link;
  readonly clock: HybridClock;
  /**
   * Resolves when the agent has ended: to null after its own `stop`, `suspend` or `close`,
   * otherwise to the reason.
   */
  readonly ended: Promise<MayflyError | null>;
  /** Called when somebody wants its debug records. */
  onWatched: () => void = () => {};
  /** Called once, when the agent releases everything. */
  onLeft: () => void = () => {};
  /** Its parts in the order in which they were made. They close in reverse. */
  held: readonly Held[] = [];
  readonly #session: Session;
  readonly #requests: Requests;
  #concluded: MayflyError | undefined;
  #stopping: Promise<Result<{ agent: AgentRow }>> | undefined;
  /** What the server answered when the agent was stopped. */
  #stopped: { agent: AgentRow } | undefined;
  #over: (why: MayflyError | null) => void = () => {};

  constructor(
    { url, key, anonymous, clock, functionsPrefix, transport, telemetry }: LifeParts,
    issued: Issued,
  ) {
    this.clock = clock;
    this.#requests = new Requests(functionsPrefix);
    this.ended = new Promise((resolve) => {
      this.#over = resolve;
    });
    const session = new Session(anonymous, issued);
    this.#session = session;
    const token = () => this.#requests.orElse(session.token(), "");
    const client = createClient<Database, "mayfly">(url, key, {
      db: { schema: "mayfly" },
      realtime: { reconnectAfterMs },
      global: { fetch: this.#requests.fetch },
      accessToken: token,
    });
    const { id, name, tenant_id: tenantId } = issued.agent;
    const way = transport && { transport, caller: { key, token }, requests: this.#requests };
    this.link = new Link({ client, tenantId, self: { id, name, tenantId }, way, telemetry });
    clock.learnFromToken(issued.token);
    session.onToken = (token) => {
      clock.learnFromToken(token);
      void client.realtime.setAuth(token).catch(() => {});
      this.link.note("lifecycle", "renewed", () => ({
        expires_at: new Date(this.agent.expires_at),
      }));
    };
    session.onEnd = (error) => void this.#end(error);
    this.link.topics.onFirst = () => this.#live();
    this.link.attendance.begin(() => this.#beat({}));
  }

  get agent(): AgentRow {
    return this.#session.agent;
  }
  get type(): AgentTypeRow | null {
    return this.#session.type;
  }
  /** Why the agent can no longer act. Null while the agent can act. */
  get over(): MayflyError | null {
    return this.#concluded ?? this.#session.over ?? null;
  }

  async card(): Promise<Result<AgentCard>> {
    const answer = await this.link.rpc("get_agent", { id: this.agent.id }, cardRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  async heartbeat(state: { activity?: Activity; task?: string }): Promise<Result<null>> {
    const answer = await this.#beat(state);
    if (answer.error) return answer;
    this.link.attendance.hears(answer.data);
    return ok(null);
  }

  async renew(): Promise<Result<{ expiresAt: Date }>> {
    const { error } = await this.#session.renew(true);
    return error ? failed(error) : ok({ expiresAt: new Date(this.agent.expires_at) });
  }

  suspend(reason?: string): Promise<Result<AgentRow>> {
    return this.#requests.within(silenceMs, async (limit) => {
      const left = await this.#finish(limit);
      const answer = await this.link.rpc(
        "suspend_agent",
        { reason: reason || undefined },
        agentRow,
      );
      if (answer.error) return answer;
      await this.#leave();
      return withLeft(answer, left, "The agent is suspended");
    });
  }

  /** The first call ends the agent. Later calls get the same result. */
  stop(reason?: string): Promise<Result<{ agent: AgentRow }>> {
    const known = this.#stopped;
    if (known) return this.#conclude(hasStopped, async () => ok(known));
    if (this.#stopping) return this.#stopping;
    const body = reason ? { reason } : {};
    this.link.note("lifecycle", "stopped", () => body);
    this.#stopping = this.#conclude(hasStopped, async () => {
      const answer = await this.link.fn("spawn", stopped, body, { method: "DELETE" });
      if (answer.data) this.#stopped = answer.data;
      return answer;
    }).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  /** Stops the agent, unless it has ended. @throws what failed, or `not_pushed` if `unsynced` is above 0. */
  async dispose(unsynced: number): Promise<void> {
    const { over } = this;
    if (!over) {
      const { error } = await this.stop();
      if (error) throw error;
    } else if (unsynced > 0)
      throw notPushed("The agent has ended", { unsynced, refused: 0, cause: over });
  }

  close(): Promise<Result<null>> {
    return this.#conclude("This connection of the agent is closed", async () => ok(null));
  }

  async #beat(state: { activity?: Activity; task?: string }): Promise<Result<Newest>> {
    const answer = await this.link.rpc(
      "heartbeat",
      { ...state, ...this.link.attendance.next() },
      beaten,
    );
    // The agent may have ended, and the message about its end may be lost. The answer to a renewal says why
    // it has ended.
    if (answer.error?.code === "not_authorized") void this.#session.renew();
    if (answer.error) return answer;
    if (answer.data.watched) this.onWatched();
    return ok(answer.data.newest);
  }

  #conclude<T>(what: string, last: () => Promise<Result<T>>): Promise<Result<T>> {
    this.#concluded ??= this.#session.over ?? over("agent_not_alive", concluded);
    return this.#requests.within(silenceMs, async (limit) => {
      const left = await this.#finish(limit);
      const answer = await last();
      await this.#leave();
      return withLeft(answer, left, what);
    });
  }

  async #finish(limit: Limit): Promise<Left | null> {
    let left: Left | null = null;
    for (const room of this.held.toReversed()) left = (await room.finish?.(limit)) ?? left;
    return left;
  }

  async #leave(): Promise<void> {
    this.onLeft();
    this.#session.end();
    this.link.attendance.end();
    for (const room of this.held.toReversed()) await room.close();
    await this.link.close();
    this.#over(null);
  }

  /**
   * Called when the agent was ended from outside. Its token no longer works, so no part of it waits
   * for a new token.
   */
  async #end(why: MayflyError): Promise<void> {
    await this.link.close();
    this.#over(why);
    this.onLeft();
    await Promise.allSettled(this.held.toReversed().map((room) => room.close()));
  }

  /**
   * Opens a live connection, so that the agent learns at once that it has ended or is being
   * watched.
   */
  #live(): void {
    const { id, tenant_id, name, type, parent_id, spawned_at, expires_at } = this.agent;
    this.link.topics.join(inboxTopic(tenant_id, id), {
      onMessage: (event, { status, reason }) => {
        if (event === "control") this.#session.end(overBy(String(status), reason));
      },
    });
    this.onWatched();
    this.link.note("lifecycle", "spawned", () => ({
      name,
      type,
      parent: parent_id,
      spawned_at,
      expires_at,
    }));
  }
}

const hasStopped = "The agent has stopped";
const concluded = "The agent was stopped, suspended or closed here.";

function over(code: ErrorCode, message: string, details: unknown = null): MayflyError {
  const suspended = code === "agent_suspended";
  const hint = suspended ? "Its parent or a member can resume it." : "Spawn another agent.";
  return new MayflyError({ code, message, hint, details });
}

function overBy(status: string, reason: unknown): MayflyError {
  const suspended = status === "suspended";
  return over(
    suspended ? "agent_suspended" : "agent_not_alive",
    suspended ? "The agent was suspended." : "The agent was stopped.",
    { reason: reason ?? null },
  );
}
