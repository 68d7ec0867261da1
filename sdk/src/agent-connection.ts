import type { LifeParts } from "./agents/life.ts";
import type { DebugOptions } from "./debug/debug.ts";
import type { CacheOptions } from "./memory/cache.ts";
import type { Outboxes } from "./outbox/outboxes.ts";

/** What an agent needs of its Mayfly. */
export interface AgentConnection<Agent> extends Omit<LifeParts, "clock"> {
  /** By tenant: what agents learned and the server has not acknowledged. */
  outboxes: Outboxes;
  cache: CacheOptions;
  debug: DebugOptions;
  /** Those that have a connection, children included. */
  agents: Set<Agent>;
}
