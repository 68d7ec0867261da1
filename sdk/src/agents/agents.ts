import { list } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

import { fromRow } from "../link/rows.ts";
import { agentRow, cardPage, cardRow, issued, stopped, treeRow } from "./answers.ts";
import { type AgentCard, type AgentTree, treeFromRow } from "./card.ts";
import type { AgentRow, Issued } from "./issued.ts";
import { type AgentLife, type ListAgents, listAgents } from "./list.ts";
import {
  type FollowLives,
  type PresenceHandler,
  type PresenceWatchOptions,
  watchPresence,
} from "./presence-watch.ts";
import { requestAgent, type SpawnOptions } from "./spawn.ts";
import { AgentTypes } from "./types.ts";

/** Which agents to find. */
export interface FindAgents {
  /** An agent must have all of these. */
  capabilities?: string[];
  type?: string;
  /**
   * The current status. An agent whose lifetime is over is `expired`, even if its row has not been
   * updated yet.
   */
  status?: AgentRow["status"];
  /** Children of this agent. */
  parent?: string;
  /** `after` of the previous page, to get the next one. */
  after?: string;
  /** 50 by default. */
  limit?: number;
}

/** The agents of the tenant, living and ended. */
export class Agents<Agent> {
  readonly #link: Link;
  /** The types of agents that the tenant has defined. */
  readonly types: AgentTypes;
  readonly #connect: (issued: Issued) => Agent;
  readonly #follow: FollowLives;

  /** @internal */
  constructor(link: Link, connect: (issued: Issued) => Agent, follow: FollowLives) {
    this.#link = link;
    this.#connect = connect;
    this.#follow = follow;
    this.types = new AgentTypes(link);
  }

  /**
   * Finds agents, one page at a time, sorted by id.
   *
   * @example
   * const { data } = await mayfly.agents.find({ capabilities: ["review"], status: "running" });
   */
  async find(
    options: FindAgents = {},
  ): Promise<Result<{ agents: AgentCard[]; after: string | null }>> {
    const { limit, ...rest } = options;
    const answer = await this.#link.rpc(
      "find_agents",
      { ...rest, ...(limit && { page_limit: limit }) },
      cardPage,
    );
    if (answer.error) return answer;
    return ok({ agents: answer.data.agents.map(fromRow), after: answer.data.after });
  }

  /** An agent's card: who it is, what it can do, what it is doing, and how long it has left. */
  async get(id: string): Promise<Result<AgentCard>> {
    const answer = await this.#link.rpc("get_agent", { id }, cardRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /**
   * Lists living and ended agents with their start and end, youngest first, for views of the past. `find`
   * and `get` return more about living agents.
   *
   * @example
   * const since = new Date(Date.now() - 3_600_000);
   * const { data: lives } = await mayfly.agents.list({ since, limit: 500 });
   */
  async list(options: ListAgents = {}): Promise<Result<AgentLife[]>> {
    const tenant = this.#link.tenant("A list of agents");
    return tenant.error ? tenant : listAgents(this.#link, tenant.data, options);
  }

  /**
   * Shows who spawned whom, from `root` or for all agents, 1,000 at most. Only living agents unless `living`
   * is false.
   */
  async tree(options: { root?: string; living?: boolean } = {}): Promise<Result<AgentTree[]>> {
    const answer = await this.#link.rpc("agent_tree", options, list(treeRow));
    return answer.error ? answer : ok(answer.data.map(treeFromRow));
  }

  /**
   * Spawns an agent for another process. Returns its token and its renewal secret instead of a connection;
   * keep both secret.
   *
   * @returns the same errors as `spawn`.
   */
  issue(options: SpawnOptions = {}): Promise<Result<Issued>> {
    return requestAgent(this.#link, options);
  }

  /** Ends an agent. Its descendants end with it, at once. What they remembered stays. */
  async stop(id: string, reason?: string): Promise<Result<{ agent: AgentRow }>> {
    const body = { id, ...(reason && { reason }) };
    return this.#link.fn("spawn", stopped, body, { method: "DELETE" });
  }

  /** Suspends an agent. Until it is resumed, it and its descendants can do nothing. */
  async suspend(id: string, reason?: string): Promise<Result<AgentRow>> {
    return await this.#link.rpc("suspend_agent", { id, ...(reason && { reason }) }, agentRow);
  }

  /**
   * Resumes a suspended agent and its descendants. Its old renewal secrets stop working. The returned
   * connection has the new secret and is the agent's connection from now on.
   */
  async resume(id: string): Promise<Result<Agent>> {
    const answer = await this.#link.fn("spawn/resume", issued, { id });
    return answer.error ? answer : ok(this.#connect(answer.data));
  }

  /**
   * Calls `handler` now and at every change, even if the connection is lost in between. The handler gets
   * the agents that are alive, and those that have joined, left or changed. An agent is seen even if it
   * never calls `track`. An agent that has called `track` counts as having left as soon as its process is
   * gone. Without `agent:read`, it takes up to 15 s to notice an agent that never calls `track`.
   *
   * @returns a function that stops watching. Errors: `scope_missing` without `presence:read`.
   * @example
   * const { data: stop } = await mayfly.agents.watch((present, { joined, left }) => {
   *   console.log(present.length, joined.map(({ name }) => name), left.map(({ name }) => name));
   * });
   */
  async watch(
    handler: PresenceHandler,
    options?: PresenceWatchOptions,
  ): Promise<Result<() => Promise<void>>> {
    return watchPresence(this.#link, handler, options, this.#follow);
  }
}
