import type { Issued } from "../agents/issued.ts";
import { Artifacts } from "../artifacts/artifacts.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import { seconds, toJob } from "../jobs/forms.ts";
import type { Link } from "../link/link.ts";
import { present } from "../link/rows.ts";
import type { States } from "../state/states.ts";
import type { TeamAlert } from "./alert-types.ts";
import {
  alertRows,
  assignedRow,
  ratedRow,
  spawnedTeam,
  teamRow,
  teamRows,
  toAlert,
  toTeam,
} from "./answers.ts";
import { Polls } from "./polls.ts";
import { Blackboard, type BoardMemory, TeamSpace } from "./space.ts";
import { Tenders } from "./tenders.ts";
import type {
  Assigned,
  AssignOptions,
  ListTeams,
  Rated,
  Task,
  Team,
  TeamBudget,
  TeamOptions,
  TeamRole,
} from "./types.ts";
import { watchTeam } from "./watch.ts";

/** A team that was just spawned, with a connection to each of its agents. */
export interface SpawnedTeam<Agent> {
  team: Team;
  lead: Agent | null;
  /** The members by role, without the lead. */
  members: Record<string, Agent[]>;
  /** All agents, the lead first. */
  agents: Agent[];
}

/**
 * Teams of agents that work on something together. They can hold polls, and work can be given to the best
 * agent.
 */
export class Teams<Agent extends { id: string }> {
  /** Polls: questions that each agent or person answers separately. */
  readonly polls: Polls;
  /** Tenders: work for which agents bid. */
  readonly tenders: Tenders;
  readonly #link: Link;
  readonly #connect: (issued: Issued) => Agent;
  readonly #headers: Record<string, string>;
  readonly #board: { state: States; memory: BoardMemory };

  /** @internal */
  constructor(
    link: Link,
    connect: (issued: Issued) => Agent,
    board: { state: States; memory: BoardMemory },
    headers: Record<string, string> = {},
  ) {
    this.#link = link;
    this.#connect = connect;
    this.#board = board;
    this.#headers = headers;
    this.polls = new Polls(link);
    this.tenders = new Tenders(link);
  }

  /**
   * Spawns a team with a name, as a whole or not at all. Needs `agent:spawn` and `team:manage`.
   *
   * @returns `name_taken` while a team with that name is running, and the errors of `spawn`.
   *
   * @example
   * const { data: release } = await mayfly.teams.spawn("release", {
   *   lead: "planner",
   *   members: { reader: 3, reviewer: 1 },
   *   deadline: "10m",
   * });
   */
  async spawn(name: string, options: TeamOptions = {}): Promise<Result<SpawnedTeam<Agent>>> {
    const { lead, members = {}, task, deadline, budget, channel, metadata } = options;
    const problem = problemOf(metadata ?? {});
    if (problem) return failed(invalid("metadata", problem));
    const chief = typeof lead === "string" ? { type: lead } : lead;
    const team = [
      ...(chief ? [{ ...chief, role: "lead" }] : []),
      ...Object.entries(members).map(([role, given]) => groupOf(role, given)),
    ];
    const settings = present({
      ...{ name, task, channel, metadata },
      deadline: seconds(deadline),
      budget: budget && toBudgetBody(budget),
    });
    const body = { team, as: settings };
    const answer = await this.#link.fn("spawn/team", spawnedTeam, body, { headers: this.#headers });
    if (answer.error) return answer;
    const agents = answer.data.agents.map(this.#connect);
    const spawned = toTeam(answer.data.team);
    const roles = new Map(spawned.members.map(({ id, role }) => [id, role]));
    const grouped: Record<string, Agent[]> = {};
    for (const agent of agents) {
      const role = roles.get(agent.id) ?? "";
      if (agent.id !== spawned.lead) grouped[role] = [...(grouped[role] ?? []), agent];
    }
    const first = agents.find(({ id }) => id === spawned.lead) ?? null;
    return ok({ team: spawned, lead: first, members: grouped, agents });
  }

  /**
   * Opens what belongs to a team: its files, blackboard, budget and alerts.
   *
   * @example
   * const release = mayfly.teams.of(team.id);
   * await release.blackboard.set("plan", { step: 1 });
   * await release.artifacts.put("notes.md", "# Notes");
   */
  of(team: string): TeamSpace<Agent> {
    const id = idOf(team);
    const { state, memory } = this.#board;
    return new TeamSpace(id, new Artifacts(this.#link, id), new Blackboard(state, memory, id), {
      get: (of) => this.get(of),
      alerts: (of, every) => this.#alerts(of, every),
      watch: (of, options) => watchTeam(this.#link, of, options, this.#connect, this.#headers),
    });
  }

  /** Lists teams with their current members, newest first. Needs `team:read`. */
  async list({ status, before, limit }: ListTeams = {}): Promise<Result<Team[]>> {
    const values = present({
      of_status: status && [status],
      before: before && idOf(before),
      page_limit: limit,
    });
    const answer = await this.#link.rpc("list_teams", values, teamRows);
    return answer.error ? answer : ok(answer.data.map(toTeam));
  }

  /** Reads a team as it is now. Null if there is none. Needs `team:read`. */
  async get(id: string): Promise<Result<Team | null>> {
    const answer = await this.#link.rpc("list_teams", { team_id: idOf(id) }, teamRows);
    if (answer.error) return answer;
    const [found] = answer.data;
    return ok(found ? toTeam(found) : null);
  }

  /** Adds living agents to a team and its channel. Their lifetimes do not change. Needs `team:manage`. */
  join(id: string, agents: string | string[], role = "member"): Promise<Result<Team>> {
    return this.#show("join_team", {
      team_id: idOf(id),
      agent_ids: [agents].flat().map(idOf),
      role,
    });
  }

  /**
   * Ends a team: every member and its descendants. Its lead and its creator may do this. Others need
   * `agent:stop`. Stopping a team again changes nothing.
   */
  stop(id: string, reason?: string): Promise<Result<Team>> {
    return this.#show("stop_team", { team_id: idOf(id), ...(reason && { reason }) });
  }

  /**
   * Gives a job to the living agent with the least to do. If several agents have equally little to do, the
   * agent whose type has the best record for this kind of work gets the job. If this agent ends, the job
   * goes to any agent with the capabilities. Needs `team:manage` and `job:add`.
   *
   * @returns `no_agent_available` if nobody can take it now.
   *
   * @example
   * const { data } = await mayfly.teams.assign({ name: "translate" }, { capabilities: ["german"] });
   */
  assign(job: Task, options: AssignOptions = {}): Promise<Result<Assigned>> {
    const values = present({
      capabilities: options.capabilities,
      type: options.type,
      team: options.team && idOf(options.team),
      max_load: options.maxLoad,
    });
    return this.#link.rpc("assign_job", { job: toJob(job), ...values }, assignedRow);
  }

  /**
   * Rates the result of an assigned job that has ended, from 0 to 1. A job can be rated only once. The
   * rating becomes part of the record of the agent's type for this kind of work. Needs `team:manage`.
   *
   * @returns `rating_own` if you are the agent that did the job, one of its descendants, or an ancestor that
   * did not assign it; `job_not_ended`, `already_rated`, `job_unknown`.
   */
  rate(job: string, reward: number): Promise<Result<Rated>> {
    return this.#link.rpc("rate_job", { job_id: idOf(job), reward }, ratedRow);
  }

  async #alerts(team: string, every = false): Promise<Result<TeamAlert[]>> {
    const answer = await this.#link.rpc("list_alerts", { team_id: team, every }, alertRows);
    return answer.error ? answer : ok(answer.data.map(toAlert));
  }

  async #show(
    name: "join_team" | "stop_team",
    values: Record<string, unknown>,
  ): Promise<Result<Team>> {
    const answer = await this.#link.rpc(name, values, teamRow);
    return answer.error ? answer : ok(toTeam(answer.data));
  }
}

const toBudgetBody = ({ hardUsd, softUsd, hardTokens }: TeamBudget) =>
  present({ hard_usd: hardUsd, soft_usd: softUsd, hard_tokens: hardTokens });

const groupOf = (role: string, given: number | TeamRole) =>
  typeof given === "number" ? { type: role, role, count: given } : { type: role, ...given, role };
