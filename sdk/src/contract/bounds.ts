/**
 * Limits that SQL and the docs repeat. `npm run build:migrations` writes the limits into each line of SQL
 * and docs that names them: see scripts/sql/bounds.ts.
 */

/** Limits of a memory. */
export const memoryBounds = {
  task: 2_000,
  input: 100_000,
  output: 100_000,
  critique: 20_000,
  importance: 10,
  /** How many tags a memory has, and how long each may be. */
  tags: 50,
  tag: 100,
  key: 200,
  model: 100,
  /** How many conflicts one update may resolve. */
  settles: 50,
  /** Only SQL can measure this. */
  metadataBytes: 65_536,
  metadataLevels: 32,
} as const;

/** Limits of an agent. */
export const agentBounds = {
  name: 100,
  task: 2_000,
  capabilities: 50,
  capability: 100,
  scopes: 50,
  /** How many characters the reason for a stop or a suspension may have. */
  reason: 500,
  /** How many agents one call may spawn. */
  team: 100,
} as const;

/** Limits of a tenant and its quotas. */
export const tenantBounds = {
  name: 200,
  livingAgents: 100_000,
  spawnsPerMinute: 100_000,
  /** The lowest quota of writes a minute that can be set. One push may have as many operations. */
  leastWritesPerMinute: 1_000,
  depth: 20,
} as const;
