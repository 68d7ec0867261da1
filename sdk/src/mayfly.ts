import { Agent } from "./agent.ts";
import { Agents } from "./agents/agents.ts";
import { type CloseOptions, endAgents } from "./agents/closing.ts";
import type { Issued } from "./agents/issued.ts";
import { EnrolmentKeys } from "./agents/keys.ts";
import { type RunOptions, type RunTeamOptions, run, runTeam } from "./agents/run.ts";
import { Spawner, type SpawnOptions, type TeamGroup } from "./agents/spawn.ts";
import { Approvals } from "./approvals/approvals.ts";
import { Artifacts } from "./artifacts/artifacts.ts";
import { Channels } from "./channels/channels.ts";
import type { Result } from "./contract/errors.ts";
import { idOf } from "./contract/ids.ts";
import { Costs } from "./costs/costs.ts";
import { DebugStreams } from "./debug/streams.ts";
import { Facts } from "./facts/facts.ts";
import { Jobs } from "./jobs/jobs.ts";
import { sessionToken } from "./link/application-client.ts";
import type { MayflyClient } from "./link/call.ts";
import { connect, connectAnonymously } from "./link/connect.ts";
import { Link } from "./link/link.ts";
import { Requests } from "./link/requests.ts";
import { personByTransport } from "./link/transport.ts";
import { silenceMs } from "./link/unsent-at-close.ts";
import { Log } from "./log/log.ts";
import type { CallerOptions, MayflyOptions } from "./mayfly-options.ts";
import { Memories } from "./memory/memories.ts";
import { Messages } from "./messages/messages.ts";
import { pushRest } from "./outbox/closing.ts";
import { Outboxes } from "./outbox/outboxes.ts";
import { TenantOutbox } from "./outbox/tenant-outbox.ts";
import { People } from "./people/people.ts";
import { Runs } from "./runs/runs.ts";
import { States } from "./state/states.ts";
import { Teams } from "./teams/teams.ts";
import { openForRequest } from "./tenants/for-request.ts";
import { Tenants } from "./tenants/tenants.ts";
import { Threads } from "./threads/threads.ts";
import { Workflows } from "./workflows/workflows.ts";

/**
 * The entry point to a tenant: its agents, memories, messages, people and everything else.
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
  /** The SupabaseClient for the schema `mayfly`. It acts as the caller, in this tenant. */
  readonly client: MayflyClient;
  /** The agents of the tenant, living and ended, and their types. */
  readonly agents: Agents<Agent>;
  /** Enrolment keys, with which machines can spawn agents. */
  readonly keys: EnrolmentKeys;
  /** The members of the tenant, and invitations. */
  readonly people: People;
  readonly tenants: Tenants;
  /** The memories of the tenant. */
  readonly memory: Memories;
  /** What agents left in the outbox when they ended. */
  readonly outbox: TenantOutbox;
  /** The messages of the person who is signed in, or of the secret key. */
  readonly messages: Messages;
  /** The named channels of the tenant. */
  readonly channels: Channels;
  /** The states that the tenant's agents share. `state.of(id)` holds those of one agent. */
  readonly state: States;
  /** Files of the tenant, by name and version. */
  readonly artifacts: Artifacts;
  /** Jobs: add them, work on them, watch and end them. */
  readonly jobs: Jobs;
  /** Approvals that wait for an answer. */
  readonly approvals: Approvals;
  /** Runs of workflows. */
  readonly workflows: Workflows;
  /** What models cost, budgets, and what was spent. */
  readonly costs: Costs;
  /** Runs of agents: start, watch, fork and replay them. */
  readonly runs: Runs;
  /** Teams of agents: spawn them, ask them, give them work, and end them together. */
  readonly teams: Teams<Agent>;
  /** Facts about entities, and since when they are true. */
  readonly facts: Facts;
  /** Checkpoints of graphs that another framework runs. */
  readonly threads: Threads;
  readonly debug: DebugStreams;
  /** The log of the tenant. */
  readonly log: Log;
  readonly #link: Link;
  readonly #options: MayflyOptions;
  /** A client without a caller, because renewing needs only the renewal secret. */
  readonly #anonymous: Link;
  readonly #spawner: Spawner<Agent>;
  readonly #outboxes: Outboxes;
  readonly #agents = new Set<Agent>();
  readonly #requests: Requests;

  constructor(given: MayflyOptions) {
    const tenantId = given.tenant && idOf(given.tenant);
    const options = { ...given, ...(tenantId && { tenant: tenantId }) };
    this.#options = options;
    this.#requests = new Requests(options.functionsPrefix);
    const { key, client, transport, telemetry, enrolmentKey } = options;
    if (transport && client) throw personByTransport();
    this.client = connect(options, this.#requests.fetch);
    const caller = { key, tenant: tenantId };
    const way = transport && { transport, caller, requests: this.#requests };
    const link = new Link({ client: this.client, tenantId, way, telemetry });
    this.#link = link;
    this.#anonymous = new Link({ client: connectAnonymously(options, this.#requests.fetch) });
    this.#outboxes = new Outboxes(options.storage, options.outbox);
    this.log = new Log(link);
    const connectAgent = (issued: Issued) => this.#connectAgent(issued);
    const headers = enrolmentKey ? { "x-mayfly-enrolment": enrolmentKey } : {};
    this.#spawner = new Spawner(link, connectAgent, headers);
    const lives = (wake: () => void) => this.log.watch({ types: ["agent.*"] }, wake);
    this.agents = new Agents(link, connectAgent, lives);
    this.keys = new EnrolmentKeys(link);
    this.people = new People(link, client && sessionToken(client));
    this.artifacts = new Artifacts(link);
    this.tenants = new Tenants(link, () => this.artifacts.removeAll());
    this.memory = new Memories(link);
    this.outbox = new TenantOutbox(link, this.#outboxes);
    this.messages = new Messages(link);
    this.channels = new Channels(link, this.messages);
    // Without a tenant and without a signed-in person, the caller is the secret key, and works for
    // all tenants.
    this.jobs = new Jobs(link, !tenantId && !options.client, (tenant) => {
      const client = connect({ ...options, tenant }, this.#requests.fetch);
      return new Link({ client, tenantId: tenant, telemetry });
    });
    this.approvals = new Approvals(link);
    this.workflows = new Workflows(link, this.jobs);
    this.costs = new Costs(link);
    this.runs = new Runs(link);
    this.facts = new Facts(link, (query, options) => this.memory.recall(query, options));
    this.threads = new Threads(link);
    this.debug = new DebugStreams(link, this.log);
    this.state = new States(link, this.log, null);
    this.teams = new Teams(link, connectAgent, this, headers);
  }

  /**
   * Acts as the caller of a request to your own server: the person, OAuth client or agent whose token is in
   * `authorization`. The tenant is the option `tenant`, or the header `x-mayfly-tenant`, or the caller's only
   * tenant. If you open a watch or a stream, close the `Mayfly` after the request.
   *
   * @returns `not_authorized` if there is no token that the project accepts; `unavailable`.
   * @example
   * Deno.serve(async (request) => {
   *   const { data: mayfly, error } = await Mayfly.forRequest(request, { url, key: publishableKey });
   *   if (error) return Response.json(error, { status: 401 });
   *   return Response.json(await mayfly.memory.recall("where do we rotate keys?"));
   * });
   */
  static forRequest(
    request: Request,
    { tenant, ...options }: CallerOptions,
  ): Promise<Result<Mayfly>> {
    return openForRequest(request, tenant, (as) => new Mayfly({ ...options, ...as }));
  }

  /**
   * Spawns an agent. The agent renews its own token. If this process dies, the agent ends when its lifetime is
   * over.
   *
   * @example
   * const { data: agent, error } = await mayfly.spawn({ type: "reviewer", lifetime: 120 });
   */
  spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    return this.#spawner.one(options);
  }

  /**
   * Spawns a team, all agents or none, with names from pools.
   *
   * @example
   * const { data: team } = await mayfly.spawnTeam([{ type: "reader", count: 4 }, { type: "editor" }]);
   */
  spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    return this.#spawner.team(groups);
  }

  /**
   * Spawns an agent, pulls, calls `work`, pushes what the agent remembered, and stops the agent, even if the
   * work throws. See {@link run}.
   *
   * @example
   * const { data: answer, error } = await mayfly.run({ name: "analyst" }, async (agent) => {
   *   const { data } = await agent.memory.context({ task: "Rotate the key", maxTokens: 2_000 });
   *   await agent.remember({ task: "Rotate the key", output: "Done.", reward: 1 });
   *   return data?.text;
   * });
   */
  run<T>(options: RunOptions, work: (agent: Agent) => Promise<T> | T): Promise<Result<T>> {
    return run(this, options, work);
  }

  /**
   * Spawns a team as a whole or not at all, pulls, calls `work`, pushes what each agent remembered, and stops
   * all agents, even if the work throws. See {@link run}.
   *
   * @example
   * const { data: lengths } = await mayfly.runTeam([{ type: "reader", count: 3 }], (readers) =>
   *   Promise.all(readers.map((reader, n) => read(reader, files[n]))),
   * );
   */
  runTeam<T>(
    groups: TeamGroup[],
    work: (agents: Agent[]) => Promise<T> | T,
    options: RunTeamOptions = {},
  ): Promise<Result<T>> {
    return runTeam(this, groups, work, options);
  }

  /**
   * Pushes what the agents of this object remembered, leaves every channel and stops every watch, so that a
   * Node process can exit. Its agents stop renewing and end with their lifetime, or now with `stopAgents`.
   * While the server answers, `close` keeps trying to push. If it does not answer, `close` gives up after 10 s
   * for each generation of agents. If the network never closes a connection, this can keep a Node process
   * alive. Call `process.exit()` to end it.
   *
   * @returns `not_pushed` if `details.unsynced` operations are still in the outbox, or the error of an agent
   * that could not be stopped.
   * @example
   * const { error } = await mayfly.close({ stopAgents: true });
   * if (error?.code === "not_pushed") console.log(error.details, error.hint);
   */
  close(options: CloseOptions = {}): Promise<Result<null>> {
    return this.#requests.within(silenceMs, async (limit) => {
      await this.jobs.finish(limit);
      const errors = await endAgents(this.#agents, options);
      limit.extend();
      for (const room of [this.messages, this.channels]) await room.finish(limit);
      for (const room of [this.jobs, this.debug, this.log]) await room.close();
      const closed = await pushRest(this.#link, this.#outboxes, errors, limit);
      await this.#link.close();
      return closed;
    });
  }

  /**
   * `await using mayfly = new Mayfly(…)` stops its agents at the end of the block, and throws if that fails.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { error } = await this.close({ stopAgents: true });
    if (error) throw error;
  }

  #connectAgent(issued: Issued): Agent {
    const { cache = {}, debug = {}, ...options } = this.#options;
    const { url, key, functionsPrefix, transport, telemetry } = options;
    const shared = { anonymous: this.#anonymous, outboxes: this.#outboxes, agents: this.#agents };
    const given = { url, key, functionsPrefix, transport, telemetry, cache, debug };
    return new Agent({ ...given, ...shared }, issued);
  }
}
