import { type AgentConnection, openRooms } from "./agent-rooms.ts";
import type { Activity, AgentCard } from "./agents/card.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./agents/issued.ts";
import type { Life } from "./agents/life.ts";
import type { Presence } from "./agents/presence.ts";
import type { Spawner, SpawnOptions, TeamGroup } from "./agents/spawn.ts";
import type { Approvals } from "./approvals/approvals.ts";
import type { Artifacts } from "./artifacts/artifacts.ts";
import type { Channels } from "./channels/channels.ts";
import type { MayflyError, Result } from "./contract/errors.ts";
import type { PayloadOf } from "./contract/messages.ts";
import type { Debug } from "./debug/debug.ts";
import type { Facts } from "./facts/facts.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { JobHandlers } from "./jobs/local-job.ts";
import type { Work, WorkOptions } from "./jobs/work-options.ts";
import type { MayflyClient } from "./link/call.ts";
import { type FromRow, fromRow } from "./link/rows.ts";
import type { Log } from "./log/log.ts";
import type { AgentMemory } from "./memory/agent-memory.ts";
import type { NewMemory } from "./memory/memory.ts";
import type { Recall, RecallOptions } from "./memory/recall.ts";
import type { Synced, SyncOptions } from "./memory/sync.ts";
import type { MessageTarget, SendOptions, Sent } from "./messages/content.ts";
import type {
  HandlerOptions,
  Message,
  MessageHandler,
  Messages,
  RequestOptions,
} from "./messages/messages.ts";
import type { AgentOutbox } from "./outbox/agent-outbox.ts";
import type { Runs } from "./runs/runs.ts";
import type { States } from "./state/states.ts";
import type { Teams } from "./teams/teams.ts";
import type { Threads } from "./threads/threads.ts";
import type { Workflows } from "./workflows/workflows.ts";

/** A connection of one agent. It has its own token, which is renewed while the agent works. */
export class Agent {
  /** Its id, which its memories contain. */
  readonly id: string;
  /** Its name, unique among the living agents of the tenant. */
  readonly name: string;
  /** The name of its type; `agent` by default. */
  readonly type: string;
  /** The tenant to which it belongs. */
  readonly tenantId: string;
  /** The agent that spawned it. Null if a person, a machine or the secret key did. */
  readonly parentId: string | null;
  /** How many ancestors it has. */
  readonly depth: number;
  /** The agent's own SupabaseClient for the schema `mayfly`. Row-level security limits it to its tenant. */
  readonly client: MayflyClient;
  /** Its memories: remember, recall, update, forget. */
  readonly memory: AgentMemory;
  /** What it has not pushed yet, and what the server refused. */
  readonly outbox: AgentOutbox;
  /** Its messages to and from others in its tenant. */
  readonly messages: Messages;
  /** The named channels of the tenant. */
  readonly channels: Channels;
  /** Its own states. `state.shared` holds those of the tenant, `state.of(id)` those of another agent. */
  readonly state: States;
  /** Files of the tenant, by name and version. */
  readonly artifacts: Artifacts;
  /** Jobs: add them, and work on them. */
  readonly jobs: Jobs;
  /** Approvals that wait for an answer. */
  readonly approvals: Approvals;
  /** Runs of workflows. */
  readonly workflows: Workflows;
  /** Runs of agents in the tenant. */
  readonly runs: Runs;
  /** Teams of agents. Agents that it spawns for a team are its children. */
  readonly teams: Teams<Agent>;
  /** Facts about entities, and since when they are true. */
  readonly facts: Facts;
  /** Checkpoints of graphs that another framework runs. */
  readonly threads: Threads;
  /** What it shows to those who watch presence. */
  readonly presence: Presence;
  /** What it reports about its work while somebody watches. */
  readonly debug: Debug;
  /** The log of the tenant. */
  readonly log: Log;
  /**
   * Resolves when the agent has ended. It resolves to null after its own `stop`, `suspend` or `close`, and
   * otherwise to the reason: `agent_not_alive`, `agent_suspended` or `renewal_reused`. With a live connection,
   * it resolves as soon as the agent ends.
   */
  readonly ended: Promise<MayflyError | null>;
  readonly #life: Life;
  readonly #spawner: Spawner<Agent>;

  /** @internal */
  constructor(connection: AgentConnection<Agent>, issued: Issued) {
    ({ id: this.id, name: this.name, type: this.type, depth: this.depth } = issued.agent);
    ({ tenant_id: this.tenantId, parent_id: this.parentId } = issued.agent);
    const rooms = openRooms(connection, issued, (child) => new Agent(connection, child));
    ({ log: this.log, debug: this.debug, presence: this.presence, outbox: this.outbox } = rooms);
    ({ memory: this.memory, facts: this.facts, state: this.state, teams: this.teams } = rooms);
    ({ messages: this.messages, channels: this.channels, artifacts: this.artifacts } = rooms);
    ({ jobs: this.jobs, workflows: this.workflows, runs: this.runs } = rooms);
    ({ approvals: this.approvals, threads: this.threads } = rooms);
    this.#life = rooms.life;
    this.#spawner = rooms.spawner;
    this.ended = rooms.life.ended;
    this.client = rooms.life.link.client;
    rooms.life.onLeft = () => connection.agents.delete(this);
    connection.agents.add(this);
    if (issued.watched) this.debug.listen();
  }

  /** Its type with role and prompt, as defined when it was spawned. Null if the tenant has not defined it. */
  get definition(): FromRow<AgentTypeRow> | null {
    return this.#life.type && fromRow(this.#life.type);
  }
  /** Its scopes. */
  get scopes(): string[] {
    return this.#life.agent.scopes;
  }
  /** What the agent says it can do. Others can search for it by this. */
  get capabilities(): string[] {
    return this.#life.agent.capabilities;
  }
  /** When it ends unless it is renewed. */
  get expiresAt(): Date {
    return new Date(this.#life.agent.expires_at);
  }
  /** Seconds until it ends, by the server's time. 0 when it is over. */
  get secondsLeft(): number {
    return Math.max(0, (this.expiresAt.getTime() - this.#life.clock.now) / 1000);
  }
  /** The agent as others see it. */
  card(): Promise<Result<AgentCard>> {
    return this.#life.card();
  }
  /**
   * Tells the server that the agent is alive and, if you pass it, what the agent is doing. The SDK does this
   * every 30 s.
   */
  heartbeat(state: { activity?: Activity; task?: string } = {}): Promise<Result<null>> {
    return this.#life.heartbeat(state);
  }

  /** Renews the token now, and extends the agent's life as far as its tenant allows. */
  renew(): Promise<Result<{ expiresAt: Date }>> {
    return this.#life.renew();
  }

  /**
   * Suspends the agent and its descendants until its parent or a member resumes the agent. Pushes first,
   * like `stop`.
   */
  suspend(reason?: string): Promise<Result<AgentRow>> {
    return this.#life.suspend(reason);
  }

  /**
   * Pushes what it remembered, and ends the agent. From then on its token no longer works, and this object
   * remembers nothing more. While the server answers, `stop` keeps trying to push. If it does not answer,
   * `stop` gives up after 10 s.
   *
   * @returns `not_pushed` if the agent has ended but `details.unsynced` operations are still in the outbox. If
   * the server refuses to end the agent, the error also has `details.unsynced`, and the agent ends with its
   * lifetime.
   * @example
   * const { error } = await agent.stop("done");
   * if (error?.code === "not_pushed") console.log(error.details, error.hint);
   */
  stop(reason?: string): Promise<Result<{ agent: AgentRow }>> {
    return this.#life.stop(reason);
  }

  /**
   * Pushes what it remembered, leaves every channel and stops renewing, so the agent ends with its lifetime.
   *
   * @returns `not_pushed`, like `stop`.
   */
  close(): Promise<Result<null>> {
    return this.#life.close();
  }

  /** `await using agent = …` stops the agent at the end of the block, and throws if that fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.dispose(this.outbox.waiting);
  }

  /**
   * Spawns a child. It never has more rights than this agent, and ends with it.
   *
   * @example
   * const { data: helper } = await agent.spawn({ type: "reader", scopes: ["memory:read"] });
   */
  spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    return this.#spawner.one(options);
  }

  /** Spawns several children, all or none. */
  spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    return this.#spawner.team(groups);
  }

  /** Remembers one or several things. The next `sync` pushes them: see {@link AgentMemory.remember}. */
  remember(memory: NewMemory): Promise<Result<{ id: string }>>;
  remember(memories: NewMemory[]): Promise<Result<{ id: string }[]>>;
  remember(memory: NewMemory | NewMemory[]): Promise<Result<{ id: string } | { id: string }[]>> {
    return this.memory.remember(memory as NewMemory);
  }

  /** Finds the memories that answer a question best: see {@link AgentMemory.recall}. */
  recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    return this.memory.recall(query, options);
  }

  /**
   * Pushes the outbox, and pulls what is new since the last time into the local cache, page by page. The first
   * time it pulls everything. Operations that could not be pushed stay in the outbox. An operation that the
   * server refuses moves to `outbox.refused`, and the others continue.
   *
   * @returns how many operations were pushed, and how many events were pulled. Errors: `unavailable`,
   * `not_authorized`, `scope_missing`, `storage_failed`.
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

  /** Handles messages of a type, or of all types (`*`): see {@link Messages.on}. */
  on<T extends string>(
    type: T,
    handler: MessageHandler<T extends "*" ? string : T>,
    options: HandlerOptions = {},
  ): () => void {
    return this.messages.on(type, handler, options);
  }

  /** Works on jobs: see {@link Jobs.work}. */
  work(handlers: JobHandlers, options: WorkOptions = {}): Promise<Result<Work>> {
    return this.jobs.work(handlers, options);
  }
}
