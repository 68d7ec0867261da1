import type { Issued } from "./agents/issued.ts";
import { Life, type LifeParts } from "./agents/life.ts";
import { Presence } from "./agents/presence.ts";
import { Spawner } from "./agents/spawn.ts";
import { Approvals } from "./approvals/approvals.ts";
import { Artifacts } from "./artifacts/artifacts.ts";
import { Channels } from "./channels/channels.ts";
import { Debug, type DebugOptions } from "./debug/debug.ts";
import { Facts } from "./facts/facts.ts";
import { Jobs } from "./jobs/jobs.ts";
import { Log } from "./log/log.ts";
import { AgentMemory } from "./memory/agent-memory.ts";
import type { CacheOptions } from "./memory/cache.ts";
import { Messages } from "./messages/messages.ts";
import { AgentOutbox } from "./outbox/agent-outbox.ts";
import type { Outboxes } from "./outbox/outboxes.ts";
import { Runs } from "./runs/runs.ts";
import { States } from "./state/states.ts";
import { Teams } from "./teams/teams.ts";
import { Threads } from "./threads/threads.ts";
import { Workflows } from "./workflows/workflows.ts";

/** What an agent needs from its `Mayfly`. */
export interface AgentConnection<Agent> extends Omit<LifeParts, "clock"> {
  /** The outboxes, by tenant. */
  outboxes: Outboxes;
  cache: CacheOptions;
  debug: DebugOptions;
  /** Agents that have a connection, including children. */
  agents: Set<Agent>;
}

/**
 * Begins the life of an agent, and makes the agent's parts, such as its memory and messages, on its
 * connection. When the life ends, it closes the parts that hold something open.
 *
 * @param connect makes an `Agent` from what the server issued for a child.
 */
export function openRooms<Agent extends { readonly id: string }>(
  { outboxes, cache, debug: options, ...parts }: AgentConnection<Agent>,
  issued: Issued,
  connect: (child: Issued) => Agent,
) {
  const { id, name, tenant_id: tenantId, scopes } = issued.agent;
  const self = { id, name, tenantId };
  const tenantOutbox = outboxes.of(tenantId);
  const life = new Life({ ...parts, clock: tenantOutbox.clock }, issued);
  const { link } = life;
  const log = new Log(link);
  const debug = new Debug(link, log, { id, tenantId, scopes }, options);
  link.note = debug.note;
  const presence = new Presence(link, self, (wake) => log.watch({ types: ["agent.*"] }, wake));
  const outbox = new AgentOutbox(link, self, tenantOutbox, () => life.over);
  const memory = new AgentMemory(link, self, outbox, cache);
  const state = new States(link, log, id);
  const messages = new Messages(link);
  const channels = new Channels(link, messages);
  const jobs = new Jobs(link);
  life.held = [presence, debug, outbox, log, channels, messages, jobs];
  life.onWatched = () => debug.listen();
  return {
    ...{ life, log, debug, presence, outbox, memory, state, messages, channels, jobs },
    spawner: new Spawner(link, connect),
    artifacts: new Artifacts(link),
    approvals: new Approvals(link),
    workflows: new Workflows(link, jobs),
    runs: new Runs(link),
    teams: new Teams<Agent>(link, connect, { state, memory }),
    facts: new Facts(link, (query, options) => memory.recall(query, options)),
    threads: new Threads(link),
  };
}
