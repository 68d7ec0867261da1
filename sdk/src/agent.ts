import type { AgentConnection } from "./agent-connection.ts";
import { cardRow } from "./agents/answers.ts";
import type { Activity, AgentCard } from "./agents/card.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./agents/issued.ts";
import { Life } from "./agents/life.ts";
import { Presence } from "./agents/presence.ts";
import { requestAgent, requestTeam, type SpawnOptions, type TeamGroup } from "./agents/spawn.ts";
import { Approvals } from "./approvals/approvals.ts";
import { Artifacts } from "./artifacts/artifacts.ts";
import { Channels } from "./channels/channels.ts";
import { failed, type MayflyError, ok, type Result } from "./contract/errors.ts";
import type { PayloadOf } from "./contract/messages.ts";
import { Debug } from "./debug/debug.ts";
import { Facts } from "./facts/facts.ts";
import { Jobs } from "./jobs/jobs.ts";
import type { JobHandlers } from "./jobs/local-job.ts";
import type { Work, WorkOptions } from "./jobs/work-options.ts";
import type { MayflyClient } from "./link/call.ts";
import { notPushed } from "./link/left.ts";
import { type FromRow, fromRow } from "./link/rows.ts";
import { Log } from "./log/log.ts";
import { AgentMemory } from "./memory/agent-memory.ts";
import type { NewMemory } from "./memory/memory.ts";
import type { Recall, RecallOptions } from "./memory/recall.ts";
import type { Synced, SyncOptions } from "./memory/sync.ts";
import type { MessageTarget, SendOptions, Sent } from "./messages/content.ts";
import {
  type HandlerOptions,
  type Message,
  type MessageHandler,
  Messages,
  type RequestOptions,
} from "./messages/messages.ts";
import { AgentOutbox } from "./outbox/agent-outbox.ts";
import { Runs } from "./runs/runs.ts";
import { States } from "./state/states.ts";
import { Teams } from "./teams/teams.ts";
import { Workflows } from "./workflows/workflows.ts";

/** A connection of one agent, with a token of its own that is renewed while it works. */
export class Agent {
  /** The agent's own SupabaseClient, schema `mayfly`: row-level security shows it its tenant. */
  readonly client: MayflyClient;
  /** What it remembers and recalls. */
  readonly memory: AgentMemory;
  /** What it learned and the server has not acknowledged, and what the server refused. */
  readonly outbox: AgentOutbox;
  /** Its messages, to and from others of its tenant. */
  readonly messages: Messages;
  /** The named channels of the tenant. */
  readonly channels: Channels;
  /** Its own states; `state.shared`: those of the tenant; `state.of(id)`: those of another agent. */
  readonly state: States;
  /** Files of the tenant, by name and version. */
  readonly artifacts: Artifacts;
  /** What is to be done, and what this agent does of it. */
  readonly jobs: Jobs;
  /** What waits for somebody to say yes. */
  readonly approvals: Approvals;
  /** Runs of workflows. */
  readonly workflows: Workflows;
  /** Runs of agents of the tenant. */
  readonly runs: Runs;
  /** Agents that work on something together; those that it spawns are its children. */
  readonly teams: Teams<Agent>;
  /** What is known of whom, and since when. */
  readonly facts: Facts;
  /** What it shows of itself to those who watch. */
  readonly presence: Presence;
  /** What it tells of its work, while somebody watches. */
  readonly debug: Debug;
  /** What happens in the tenant. */
  readonly log: Log;
  /**
   * Settles when the agent is over: null after its own `stop`, `suspend` or `close`, else why:
   * `agent_not_alive`, `agent_suspended`, `renewal_reused`. With a live connection it is told at once.
   */
  readonly ended: Promise<MayflyError | null>;
  readonly #life: Life;
  readonly #connection: AgentConnection<Agent>;

  /** @internal */
  constructor(connection: AgentConnection<Agent>, issued: Issued) {
    const { outboxes, cache, debug, agents } = connection;
    const { id, name, tenant_id: tenantId, scopes } = issued.agent;
    const outbox = outboxes.of(tenantId);
    const life = new Life({ ...connection, clock: outbox.clock }, issued);
    const { link, ended } = life;
    const self = { id, name, tenantId };
    this.#connection = connection;
    this.#life = life;
    this.ended = ended;
    this.client = link.client;
    this.log = new Log(link);
    this.debug = new Debug(link, this.log, { id, tenantId, scopes }, debug);
    link.note = this.debug.note;
    this.presence = new Presence(link, self);
    this.outbox = new AgentOutbox(link, self, outbox, () => life.over);
    this.memory = new AgentMemory(link, self, this.outbox, cache);
    this.state = new States(link, this.log, id);
    this.messages = new Messages(link);
    this.channels = new Channels(link, this.messages);
    this.artifacts = new Artifacts(link);
    this.jobs = new Jobs(link);
    this.approvals = new Approvals(link);
    this.workflows = new Workflows(link, this.jobs);
    this.runs = new Runs(link);
    const board = { states: this.state, memory: this.memory };
    this.teams = new Teams(link, (child) => new Agent(connection, child), board);
    this.facts = new Facts(link, (query, options) => this.memory.recall(query, options));
    const { presence, log, channels, messages, jobs } = this;
    life.held = [presence, this.debug, this.outbox, log, channels, messages, jobs];
    life.onWatched = () => this.debug.listen();
    life.onLeft = () => agents.delete(this);
    agents.add(this);
    if (issued.watched) this.debug.listen();
  }

  /** Its id, which its memories bear. */
  get id(): string {
    return this.#life.agent.id;
  }
  /** Its name: no other living agent of the tenant has it. */
  get name(): string {
    return this.#life.agent.name;
  }
  /** The name of its type; `agent` by default. */
  get type(): string {
    return this.#life.agent.type;
  }
  /** The type as it was defined then: its role, its prompt; null if it was not. */
  get definition(): FromRow<AgentTypeRow> | null {
    return this.#life.type && fromRow(this.#life.type);
  }
  /** The tenant that it lives in. */
  get tenantId(): string {
    return this.#life.agent.tenant_id;
  }
  /** The agent that spawned it; null of one that a person, a machine or the secret key spawned. */
  get parentId(): string | null {
    return this.#life.agent.parent_id;
  }
  /** How many ancestors it has: a child ends before its parent. */
  get depth(): number {
    return this.#life.agent.depth;
  }
  /** What it may do. */
  get scopes(): string[] {
    return this.#life.agent.scopes;
  }
  /** What it says it can do, by which it is found. */
  get capabilities(): string[] {
    return this.#life.agent.capabilities;
  }
  /** When it ends unless it is renewed. */
  get expiresAt(): Date {
    return new Date(this.#life.agent.expires_at);
  }
  /** Seconds until then, by the server's time; 0 when it is over. */
  get secondsLeft(): number {
    return Math.max(0, (this.expiresAt.getTime() - this.#life.clock.now) / 1000);
  }
  /** The agent as others see it. */
  async card(): Promise<Result<AgentCard>> {
    const answer = await this.#life.link.rpc("get_agent", { id: this.id }, cardRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }
  /**
   * Says that the agent is there and, if it has changed, what it does. Sent every 30 s by itself.
   */
  heartbeat(state: { activity?: Activity; task?: string } = {}): Promise<Result<null>> {
    return this.#life.heartbeat(state);
  }

  /** Renews the token now, and the life of the agent as far as its tenant allows. */
  renew(): Promise<Result<{ expiresAt: Date }>> {
    return this.#life.renew();
  }

  /** Suspends it and its descendants until its parent or a member resumes it. Pushes first, as `stop`. */
  suspend(reason?: string): Promise<Result<AgentRow>> {
    return this.#life.suspend(reason);
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
    return this.#life.stop(reason);
  }

  /**
   * Pushes what it remembered, leaves every channel and renews no more: the agent ends with its lifetime.
   *
   * @returns `not_pushed`, as `stop` does.
   */
  close(): Promise<Result<null>> {
    return this.#life.close();
  }

  /** `await using agent = …`: stops it at the end of the block, and throws what failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { over } = this.#life;
    if (!over) {
      const { error } = await this.stop();
      if (error) throw error;
    } else if (this.outbox.waiting > 0) {
      const left = { unsynced: this.outbox.waiting, refused: 0, cause: over };
      throw notPushed("The agent has ended", left);
    }
  }

  /**
   * Spawns a child: never more than this agent, and dead when this one is.
   *
   * @example
   * const { data: helper } = await agent.spawn({ type: "reader", scopes: ["memory:read"] });
   */
  async spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    const answer = await requestAgent(this.#life.link, options);
    return answer.error ? answer : ok(new Agent(this.#connection, answer.data));
  }

  /** Spawns children, all or none. */
  async spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    const { data, error } = await requestTeam(this.#life.link, groups);
    return error ? failed(error) : ok(data.map((issued) => new Agent(this.#connection, issued)));
  }

  /** Remembers something, or several, and pushes it with the next `sync`: see {@link AgentMemory.remember}. */
  remember(memory: NewMemory): Promise<Result<{ id: string }>>;
  remember(memories: NewMemory[]): Promise<Result<{ id: string }[]>>;
  remember(memory: NewMemory | NewMemory[]): Promise<Result<{ id: string } | { id: string }[]>> {
    return this.memory.remember(memory as NewMemory);
  }

  /** The memories that answer a question best: see {@link AgentMemory.recall}. */
  recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    return this.memory.recall(query, options);
  }

  /**
   * Pushes the outbox, and pulls what is new since the last time (everything, the first time) into
   * the local cache, page by page. What could not be pushed stays in the outbox. An operation that
   * the server refuses is in `outbox.refused`, and the others go on.
   *
   * @returns how many operations and events; `unavailable`, `not_authorized`, `scope_missing`,
   * `storage_failed`.
   * @example
   * const { data, error } = await agent.sync();
   * if (!error) console.log(`${data.pushed} pushed, ${data.pulled} pulled`);
   */
  sync(options: SyncOptions = {}): Promise<Result<Synced>> {
    return this.memory.sync(options, this.scopes.includes("memory:read"));
  }

  /** Sends a message: see {@link Messages.send}. */
  send<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.messages.send(to, type, payload, options);
  }

  /** Sends a message and waits for the first reply: see {@link Messages.request}. */
  request<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: RequestOptions = {},
  ): Promise<Result<Message>> {
    return this.messages.request(to, type, payload, options);
  }

  /** Handles messages of a type, or of all (`*`): see {@link Messages.on}. */
  on<T extends string>(
    type: T,
    handler: MessageHandler<T extends "*" ? string : T>,
    options: HandlerOptions = {},
  ): () => void {
    return this.messages.on(type, handler, options);
  }

  /** Does jobs: see {@link Jobs.work}. */
  work(handlers: JobHandlers, options: WorkOptions = {}): Promise<Result<Work>> {
    return this.jobs.work(handlers, options);
  }
}
