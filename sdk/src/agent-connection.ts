import type { LifeParts } from "./agents/life.ts";
import type { DebugOptions } from "./debug/debug.ts";
import type { CacheOptions } from "./memory/cache.ts";
import type { Outboxes } from "./outbox/outboxes.ts";

/** What an agent needs from its `Mayfly`. */
export interface AgentConnection<Agent> extends Omit<LifeParts, "clock"> {
  /** The outboxes, by tenant. */
  outboxes: Outboxes;
  cache: CacheOptions;
  debug: DebugOptions;
  /** Agents that have a connection, including children. */
  agents: Set<Agent>;
}
