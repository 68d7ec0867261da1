import { Agent } from "./agent.ts";
import type { AgentLife } from "./agent-life.ts";
import { Agents } from "./agents/agents.ts";
import { EnrolmentKeys } from "./agents/keys.ts";
import { type RunOptions, run } from "./agents/run.ts";
import type { Issued } from "./agents/session.ts";
import { requestAgent, requestTeam, type SpawnOptions, type TeamGroup } from "./agents/spawn.ts";
import { AgentTypes } from "./agents/types.ts";
import type { Channels } from "./channels/channels.ts";
import { type CloseOptions, endAgents, pushRest } from "./closing.ts";
import { failed, MayflyError, ok, type Result } from "./contract/errors.ts";
import { idOf } from "./contract/ids.ts";
import type { PayloadOf } from "./contract/messages.ts";
import type { DebugOptions } from "./debug/debug.ts";
import { DebugStreams } from "./debug/streams.ts";
import { doorOf } from "./jobs/door.ts";
import { Jobs } from "./jobs/jobs.ts";
import type { JobHandlers } from "./jobs/local-job.ts";
import type { Work, WorkOptions } from "./jobs/work-options.ts";
import { Works } from "./jobs/works.ts";
import type { MayflyClient } from "./link/call.ts";
import { connect, connectAnonymously } from "./link/connect.ts";
import { Requests } from "./link/requests.ts";
import { leaveTopics } from "./link/topics.ts";
import { startWatch, type Watch, type WatchHandler, type WatchOptions } from "./log/watch.ts";
import type { CacheOptions } from "./memory/cache.ts";
import { Conflicts } from "./memory/conflicts.ts";
import { type Reembedded, type ReembedOptions, reembed } from "./memory/reembed.ts";
import type { MessageTarget, SendOptions, Sent } from "./messages/messages.ts";
import {
  type HandlerOptions,
  type Message,
  type MessageHandler,
  Messenger,
  type RequestOptions,
} from "./messages/messenger.ts";
import { silenceMs } from "./outbox/last-push.ts";
import type { OutboxLimits } from "./outbox/outbox.ts";
import { Outboxes } from "./outbox/outboxes.ts";
import { type Pushed, pushOutbox } from "./outbox/push.ts";
import type { OutboxStorage } from "./outbox/storage.ts";
import { Invitations, Members } from "./people/members.ts";
import { States } from "./state/states.ts";
import type { StartLogWatch } from "./state/watch.ts";
import { Tenants } from "./tenants/tenants.ts";
import {
  type ExportOptions,
  exportTenant,
  type Maintained,
  type MaintainOptions,
  maintainTenant,
  readStatistics,
  type Statistics,
} from "./tenants/upkeep.ts";

/** Which project, as whom, in which tenant. */
export interface MayflyOptions {
  /** The project's, as `https://<ref>.supabase.co` or `http://127.0.0.1:54321`. */
  url: string;
  /** The publishable key, or on a server the secret key. */
  key: string;
  /** The tenant to work in; needed by the secret key, and by a person in several tenants. */
  tenant?: string;
  /** The application's own SupabaseClient: whoever is signed in there is the caller. */
  client?: Pick<MayflyClient, "auth">;
  /** A machine's key (`mfk_…`): it may spawn, and nothing else. */
  enrolmentKey?: string;
  /**
   * Where what was learned is kept until the server has acknowledged it: a folder in Node, Deno and
   * Bun, the name of an IndexedDB database in a browser, or an adapter. Without it, memory.
   */
  storage?: string | OutboxStorage;
  /** How much of it is kept at most; over it, `remember` answers `outbox_full`. */
  outbox?: OutboxLimits;
  /** Of what each agent holds itself. */
  cache?: CacheOptions;
  /** How its agents' debug streams behave. */
  debug?: DebugOptions;
}

/**
 * A tenant's door: spawns agents, shows who is there, who belongs to it.
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
  /** Acts as the caller in the tenant, schema `mayfly`. */
  readonly client: MayflyClient;
  readonly agents: Agents;
  readonly agentTypes: AgentTypes;
  readonly debug: DebugStreams;
  readonly conflicts: Conflicts;
  readonly enrolmentKeys: EnrolmentKeys;
  readonly invitations: Invitations;
  /** What is to be done: adds jobs, shows and ends them; a worker does them (`agent.work`). */
  readonly jobs: Jobs;
  readonly members: Members;
  /** The states that the tenant's agents share; `state.of(id)`: those of an agent. */
  readonly state: States;
  readonly tenants: Tenants;
  readonly #messenger: Messenger;
  readonly #options: MayflyOptions;
  /** Without a caller: for renewals, whose secret suffices alone. */
  readonly #anonymous: MayflyClient;
  readonly #outboxes: Outboxes;
  readonly #works: Works;
  readonly #watches = new Set<Watch>();
  readonly #agents = new Set<AgentLife>();
  readonly #requests = new Requests();

  constructor(given: MayflyOptions) {
    const tenant = given.tenant && idOf(given.tenant);
    const options = { ...given, ...(tenant && { tenant }) };
    this.#options = options;
    this.client = connect(options, this.#requests.fetch);
    this.#anonymous = connectAnonymously(options, this.#requests.fetch);
    this.#outboxes = new Outboxes(options.storage, options.outbox);
    this.agents = new Agents(this.client, tenant, (issued) => this.#connectAgent(issued));
    this.conflicts = new Conflicts(this.client, tenant);
    this.agentTypes = new AgentTypes(this.client, tenant);
    this.enrolmentKeys = new EnrolmentKeys(this.client, tenant);
    this.invitations = new Invitations(this.client);
    const door = doorOf(this.client, tenant);
    this.jobs = new Jobs(door);
    this.#works = new Works(door);
    this.members = new Members(this.client);
    this.tenants = new Tenants(this.client);
    this.#messenger = new Messenger(this.client, undefined, tenant);
    const startLog: StartLogWatch = (watched, handler) => this.watch(watched, handler);
    this.debug = new DebugStreams(this.client, tenant, startLog);
    this.state = new States(this.client, tenant, null, startLog);
  }

  /**
   * Spawns an agent. It renews its own token, and ends with its lifetime if this process dies.
   *
   * @example
   * const { data: agent, error } = await mayfly.spawn({ type: "reviewer", lifetime: 120 });
   */
  async spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    const answer = await requestAgent(this.client, options, this.#headers());
    return answer.error ? answer : ok(this.#connectAgent(answer.data));
  }

  /**
   * Spawns a team, all or none, with names from pools.
   *
   * @example
   * const { data: team } = await mayfly.spawnTeam([{ type: "reader", count: 4 }, { type: "editor" }]);
   */
  async spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    const answer = await requestTeam(this.client, groups, this.#headers());
    return answer.error ? answer : ok(answer.data.map((issued) => this.#connectAgent(issued)));
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
    const started = await startWatch(this.client, tenant, options, handler);
    if (started.error) return started;
    const watch = started.data;
    this.#watches.add(watch);
    void watch.ended.then(() => this.#watches.delete(watch));
    return started;
  }

  /**
   * Does jobs as who is signed in, or as the secret key: see {@link Agent.work}. The secret key that names
   * no tenant works for all, each with its share.
   */
  async work(handlers: JobHandlers, options: WorkOptions = {}): Promise<Result<Work>> {
    const { tenant, client } = this.#options;
    return this.#works.start(handlers, { ...options, anyTenant: !tenant && !client });
  }

  /** The named channels of the tenant. */
  get channels(): Channels {
    return this.#messenger.channels;
  }

  /** Sends a message as who is signed in, or as the secret key: see {@link Agent.send}. */
  send<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#messenger.send(to, type, payload, options);
  }

  /** Sends a message and waits for the reply, as who is signed in: see {@link Agent.request}. */
  request<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: RequestOptions = {},
  ): Promise<Result<Message>> {
    return this.#messenger.request(to, type, payload, options);
  }

  /** Handles the messages to who is signed in: see {@link Agent.on}. The secret key has none (`no_inbox`). */
  on<T extends string>(
    type: T,
    handler: MessageHandler<T extends "*" ? string : T>,
    options: HandlerOptions = {},
  ): () => void {
    return this.#messenger.on(type, handler, options);
  }

  /**
   * What the tenant remembers, in numbers, of the memories that the caller sees. Reads them all.
   *
   * @returns `scope_missing` without `memory:read`.
   * @example
   * const { data } = await mayfly.statistics();
   * console.log(data?.memories, data?.byKind.episode, data?.withoutVector);
   */
  statistics(): Promise<Result<Statistics>> {
    return readStatistics(this.client);
  }

  /**
   * Does at once what time asks for: forgets what retention and `expiresAt` have come for, and deletes
   * what has been kept long enough. Where there is pg_cron it does the same each minute.
   *
   * @returns what was done; `scope_missing` without `memory:write`.
   * @example
   * const { data } = await mayfly.maintain({ onProgress: ({ forgotten }) => console.log(forgotten) });
   */
  maintain(options: MaintainOptions = {}): Promise<Result<Maintained>> {
    return maintainTenant(this.client, options);
  }

  /**
   * Everything that the tenant has, as JSON Lines of `{ table, row }`, without what is secret: a
   * stream that holds a page of about 1 MB at a time. A failure on the way fails the stream.
   *
   * @returns `scope_missing` without `tenant:write`.
   * @example
   * import { createWriteStream } from "node:fs";
   * import { Writable } from "node:stream";
   * const { data: lines } = await mayfly.export();
   * await lines?.pipeTo(Writable.toWeb(createWriteStream("tenant.jsonl")));
   */
  export(options: ExportOptions = {}): Promise<Result<ReadableStream<Uint8Array>>> {
    return exportTenant(this.client, options);
  }

  /**
   * Embeds the tenant's memories by the functions' model, those that have no vector of it, until none
   * is left: after the model was changed. It may be broken off anywhere, and another call goes on.
   * For the secret key.
   *
   * @returns how far it came: `left` is more than 0 when it was aborted, or when some failed for good, of
   * which `problem` says why; `not_configured` without an embedder, `unavailable`, `not_authorized`.
   * @example
   * const { data } = await mayfly.reembed({
   *   forgetOthers: true,
   *   onProgress: ({ embedded, memories }) => console.log(`${embedded} of ${memories}`),
   * });
   */
  reembed(options: ReembedOptions = {}): Promise<Result<Reembedded>> {
    return reembed(this.client, options);
  }

  /**
   * Pushes what its agents remembered, leaves every channel and stops what watches, so that a Node process
   * can end. Its agents renew no more and end with their lifetime, or now with `stopAgents`. Waits for
   * the server while it answers, and 10 s for each generation of agents when it does not. A connection
   * that a silent network never closes can keep a Node process alive after that: `process.exit()` ends it.
   *
   * @returns `not_pushed` when `details.unsynced` operations are still in the outbox; what refused the
   * stop of an agent.
   * @example
   * const { error } = await mayfly.close({ stopAgents: true });
   * if (error?.code === "not_pushed") console.log(error.details, error.hint);
   */
  close(options: CloseOptions = {}): Promise<Result<null>> {
    const { tenant } = this.#options;
    return this.#requests.within(silenceMs, async (limit) => {
      await Promise.race([this.#works.close(silenceMs), limit.over]);
      const errors = await endAgents(this.#agents, options);
      limit.extend();
      await Promise.all([this.debug.close(), ...[...this.#watches].map((watch) => watch.stop())]);
      await Promise.race([this.#messenger.close(), limit.over]);
      const mine = { client: this.client, outboxes: this.#outboxes, ...(tenant && { tenant }) };
      const closed = await pushRest(mine, errors, limit);
      await leaveTopics(this.client);
      return closed;
    });
  }

  /** `await using mayfly = new Mayfly(…)`: stops its agents at the end of the block, and throws what failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { error } = await this.close({ stopAgents: true });
    if (error) throw error;
  }

  #connectAgent(issued: Issued): Agent {
    const { url, key, cache = {}, debug = {} } = this.#options;
    const connection = {
      url,
      key,
      anonymous: this.#anonymous,
      outboxes: this.#outboxes,
      cache,
      debug,
      agents: this.#agents,
    };
    return new Agent(connection, issued);
  }

  #headers(): Record<string, string> {
    const { enrolmentKey } = this.#options;
    return enrolmentKey ? { "x-mayfly-enrolment": enrolmentKey } : {};
  }
}

const noTenant = (what: string) =>
  new MayflyError({
    code: "tenant_unknown",
    message: `${what} belongs to a tenant.`,
    hint: "Give new Mayfly({ tenant }) the id of one.",
    details: null,
  });
