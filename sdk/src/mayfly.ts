import { Agent } from "./agent.ts";
import { Agents } from "./agents/agents.ts";
import { type CloseOptions, endAgents } from "./agents/closing.ts";
import type { Issued } from "./agents/issued.ts";
import { EnrolmentKeys } from "./agents/keys.ts";
import { type RunOptions, type RunTeamOptions, run, runTeam } from "./agents/run.ts";
import { requestAgent, requestTeam, type SpawnOptions, type TeamGroup } from "./agents/spawn.ts";
import { Approvals } from "./approvals/approvals.ts";
import { Artifacts } from "./artifacts/artifacts.ts";
import { Channels } from "./channels/channels.ts";
import { ok, type Result } from "./contract/errors.ts";
import { idOf } from "./contract/ids.ts";
import { Costs } from "./costs/costs.ts";
import type { DebugOptions } from "./debug/debug.ts";
import { DebugStreams } from "./debug/streams.ts";
import { Facts } from "./facts/facts.ts";
import { Jobs } from "./jobs/jobs.ts";
import { type ApplicationClient, sessionToken } from "./link/application-client.ts";
import type { MayflyClient } from "./link/call.ts";
import { connect, connectAnonymously } from "./link/connect.ts";
import { silenceMs } from "./link/left.ts";
import { Link } from "./link/link.ts";
import { Requests } from "./link/requests.ts";
import { personByTransport, type Transport } from "./link/transport.ts";
import { Log } from "./log/log.ts";
import type { CacheOptions } from "./memory/cache.ts";
import { Memories } from "./memory/memories.ts";
import { Messages } from "./messages/messages.ts";
import { pushRest } from "./outbox/closing.ts";
import type { OutboxLimits } from "./outbox/outbox.ts";
import { Outboxes } from "./outbox/outboxes.ts";
import type { OutboxStorage } from "./outbox/storage.ts";
import { TenantOutbox } from "./outbox/tenant-outbox.ts";
import { People } from "./people/people.ts";
import { Runs } from "./runs/runs.ts";
import { States } from "./state/states.ts";
import { Teams } from "./teams/teams.ts";
import { Tenants } from "./tenants/tenants.ts";
import { Threads } from "./threads/threads.ts";
import { Workflows } from "./workflows/workflows.ts";

/** Which project, with which identity, in which tenant. */
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
   * Where to keep what was learned until the server has acknowledged it: a folder in Node, Deno and Bun, the
   * name of an IndexedDB database in a browser, or your own storage. Without it, in memory.
   */
  storage?: string | OutboxStorage;
  /** How much to keep at most. Above it, `remember` returns `outbox_full`. */
  outbox?: OutboxLimits;
  /** How much each agent caches. */
  cache?: CacheOptions;
  /** How its agents' debug streams work. */
  debug?: DebugOptions;
  /**
   * Calls the database over its own connections, for long-lived workers beside it: a `PostgresTransport` of
   * `@mayfly/sdk/postgres`. For the secret key and agents, not for a person (`client`).
   */
  transport?: Transport;
}

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
  /** The client with which it acts as the caller in the tenant, schema `mayfly`. */
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
  /** What agents that have ended left in the outbox. */
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
  /** Without a caller, because renewing needs only the renewal secret. */
  readonly #anonymous: Link;
  readonly #outboxes: Outboxes;
  readonly #agents = new Set<Agent>();
  readonly #requests: Requests;

  constructor(given: MayflyOptions) {
    const tenantId = given.tenant && idOf(given.tenant);
    const options = { ...given, ...(tenantId && { tenant: tenantId }) };
    this.#options = options;
    this.#requests = new Requests(options.functionsPrefix);
    const { key, client, transport } = options;
    if (transport && client) throw personByTransport();
    this.client = connect(options, this.#requests.fetch);
    const caller = { key, tenant: tenantId };
    const way = transport && { transport, caller, requests: this.#requests };
    const link = new Link({ client: this.client, tenantId, way });
    this.#link = link;
    this.#anonymous = new Link({ client: connectAnonymously(options, this.#requests.fetch) });
    this.#outboxes = new Outboxes(options.storage, options.outbox);
    this.log = new Log(link);
    this.agents = new Agents(
      link,
      (issued) => this.#connectAgent(issued),
      (wake) => this.log.watch({ types: ["agent.*"] }, wake),
    );
    this.keys = new EnrolmentKeys(link);
    this.people = new People(link, client && sessionToken(client));
    this.artifacts = new Artifacts(link);
    this.tenants = new Tenants(link, () => this.artifacts.removeAll());
    this.memory = new Memories(link);
    this.outbox = new TenantOutbox(link, this.#outboxes);
    this.messages = new Messages(link);
    this.channels = new Channels(link, this.messages);
    // A caller without a tenant and a signed-in person works as the secret key, for all tenants.
    this.jobs = new Jobs(link, !tenantId && !options.client, (tenant) => {
      const client = connect({ ...options, tenant }, this.#requests.fetch);
      return new Link({ client, tenantId: tenant });
    });
    this.approvals = new Approvals(link);
    this.workflows = new Workflows(link, this.jobs);
    this.costs = new Costs(link);
    this.runs = new Runs(link);
    this.facts = new Facts(link, (query, options) => this.memory.recall(query, options));
    this.threads = new Threads(link);
    this.debug = new DebugStreams(link, this.log);
    this.state = new States(link, this.log, null);
    this.teams = new Teams(link, (issued) => this.#connectAgent(issued), this, this.#headers());
  }

  /**
   * Spawns an agent. It renews its own token, and ends with its lifetime if this process dies.
   *
   * @example
   * const { data: agent, error } = await mayfly.spawn({ type: "reviewer", lifetime: 120 });
   */
  async spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    const answer = await requestAgent(this.#link, options, this.#headers());
    return answer.error ? answer : ok(this.#connectAgent(answer.data));
  }

  /**
   * Spawns a team, all agents or none, with names from pools.
   *
   * @example
   * const { data: team } = await mayfly.spawnTeam([{ type: "reader", count: 4 }, { type: "editor" }]);
   */
  async spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    const answer = await requestTeam(this.#link, groups, this.#headers());
    return answer.error ? answer : ok(answer.data.map((issued) => this.#connectAgent(issued)));
  }

  /**
   * Spawns an agent, pulls, works, pushes, and stops it, even if the work throws. See {@link run}.
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
   * Spawns a team as a whole or not at all, pulls, works, pushes what each agent remembered, and stops them
   * all, even if the work throws. See {@link run}.
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
   * Pushes what its agents remembered, leaves every channel and stops every watch, so that a Node process can
   * exit. Its agents stop renewing and end with their lifetime, or now with `stopAgents`. Waits as long as
   * the server answers, and 10 s for each generation of agents if it does not. If a silent network never
   * closes a connection, it can keep a Node process alive after that; `process.exit()` ends it.
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
    const { url, key, functionsPrefix, transport, cache = {}, debug = {} } = this.#options;
    const shared = { anonymous: this.#anonymous, outboxes: this.#outboxes, agents: this.#agents };
    return new Agent({ url, key, functionsPrefix, transport, cache, debug, ...shared }, issued);
  }

  #headers(): Record<string, string> {
    const { enrolmentKey } = this.#options;
    return enrolmentKey ? { "x-mayfly-enrolment": enrolmentKey } : {};
  }
}
