import type { Agent } from "../agent.ts";
import { list } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { callFunction, fromDataApi, type MayflyClient } from "../link/call.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { agentRow, cardPage, cardRow, issued, stopped, treeRow } from "./answers.ts";
import {
  type PresenceHandler,
  type PresenceWatchOptions,
  watchPresence,
} from "./presence-watch.ts";
import type { AgentRow, Issued } from "./session.ts";

/** What an agent may be found by. */
export interface FindAgents {
  /** All of them. */
  capabilities?: string[];
  type?: string;
  /** As of now: one whose time is over is `expired`, whether or not its row says so yet. */
  status?: AgentRow["status"];
  /** Children of this agent. */
  parent?: string;
  /** `after` of the page before. */
  after?: string;
  /** 50 by default. */
  limit?: number;
}

/** @internal */
export interface CardRow {
  id: string;
  name: string;
  type: string;
  type_version: number | null;
  role: string | null;
  capabilities: string[];
  scopes: string[];
  status: AgentRow["status"];
  activity: Activity;
  task: string | null;
  parent: string | null;
  depth: number;
  /** Living ones. */
  children: number;
  /** Until it ends unless it is renewed; 0 for the dead. */
  seconds_left: number;
  spawned_at: string;
  expires_at: string;
  last_seen_at: string | null;
  stopped_at: string | null;
  stop_reason: string | null;
  suspend_reason: string | null;
  metadata: Record<string, unknown>;
}

/** What an agent is doing. */
export type Activity =
  | "idle"
  | "thinking"
  | "executing"
  | "waiting_input"
  | "waiting_approval"
  | "waiting_review"
  | "blocked";

/**
 * An agent as others see it.
 *
 * @interface
 */
export type AgentCard = FromRow<CardRow>;

/** An agent with its children, and theirs. */
export type AgentTree = Omit<AgentCard, "children"> & { children: AgentTree[] };

/** @internal */
export type TreeRow = Omit<CardRow, "children"> & { children: TreeRow[] };

/** The agents of the tenant, living and dead. */
export class Agents {
  readonly #client: MayflyClient;
  readonly #tenant: string | undefined;
  readonly #connect: (issued: Issued) => Agent;

  /** @internal */
  constructor(
    client: MayflyClient,
    tenant: string | undefined,
    connect: (issued: Issued) => Agent,
  ) {
    this.#client = client;
    this.#tenant = tenant;
    this.#connect = connect;
  }

  /**
   * Finds agents, a page at a time, by id.
   *
   * @example
   * const { data } = await mayfly.agents.find({ capabilities: ["review"], status: "running" });
   */
  async find(
    options: FindAgents = {},
  ): Promise<Result<{ agents: AgentCard[]; after: string | null }>> {
    const { limit, ...rest } = options;
    const answer = fromDataApi(
      await this.#client.rpc("find_agents", { ...rest, ...(limit && { page_limit: limit }) }),
      cardPage,
    );
    if (answer.error) return answer;
    return ok({ agents: answer.data.agents.map(fromRow), after: answer.data.after });
  }

  /** An agent's card: who it is, what it can and does, how long it has left. */
  async get(id: string): Promise<Result<AgentCard>> {
    const answer = fromDataApi(await this.#client.rpc("get_agent", { id }), cardRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /** Who spawned whom: from `root`, or all; the living alone unless `living` is false. 1,000 at most. */
  async tree(options: { root?: string; living?: boolean } = {}): Promise<Result<AgentTree[]>> {
    const answer = fromDataApi(await this.#client.rpc("agent_tree", options), list(treeRow));
    return answer.error ? answer : ok(answer.data.map(treeFromRow));
  }

  /** Ends an agent; its descendants die with it, at once. What they remembered stays. */
  async stop(id: string, reason?: string): Promise<Result<{ agent: AgentRow }>> {
    const body = { id, ...(reason && { reason }) };
    return callFunction(this.#client, "spawn", stopped, body, { method: "DELETE" });
  }

  /** Suspends an agent: until it is resumed it and its descendants can do nothing. */
  async suspend(id: string, reason?: string): Promise<Result<AgentRow>> {
    return fromDataApi(
      await this.#client.rpc("suspend_agent", { id, ...(reason && { reason }) }),
      agentRow,
    );
  }

  /**
   * Resumes a suspended agent, and with it its descendants. Its renewal secrets are void: the
   * connection that this returns has the new one, and is the agent's from here on.
   */
  async resume(id: string): Promise<Result<Agent>> {
    const answer = await callFunction(this.#client, "spawn/resume", issued, { id });
    return answer.error ? answer : ok(this.#connect(answer.data));
  }

  /**
   * Calls `handler` with the agents that are present and alive, and with who has joined, left or
   * changed: now and at every change, also across a loss of the connection.
   *
   * @returns a function that stops watching; `scope_missing` without `presence:read`.
   * @example
   * const { data: stop } = await mayfly.agents.watch((present, { joined, left }) => {
   *   console.log(present.length, joined.map(({ name }) => name), left.map(({ name }) => name));
   * });
   */
  async watch(
    handler: PresenceHandler,
    options?: PresenceWatchOptions,
  ): Promise<Result<() => Promise<void>>> {
    if (!this.#tenant)
      return failed(
        new MayflyError({
          code: "tenant_unknown",
          message: "Presence belongs to a tenant.",
          hint: "Give new Mayfly({ tenant }) the id of one.",
          details: null,
        }),
      );
    return watchPresence(this.#client, this.#tenant, handler, options);
  }
}

function treeFromRow({ children, ...row }: TreeRow): AgentTree {
  return { ...fromRow(row), children: children.map(treeFromRow) };
}
