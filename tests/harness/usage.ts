/** The usage of a tenant's quotas, for tests that do not depend on time. */
import { type Claims, rpc, type Sql } from "./callers.ts";
import type { Clock } from "./clock.ts";

/**
 * Leaves out the values that change with time: the writes of this minute, and the spawns that are still
 * allowed.
 */
export async function storedBy(
  sql: Sql,
  claims: Claims,
): Promise<{ memories: number; bytes: number }> {
  const { memories, bytes } = await rpc<{ memories: number; bytes: number }>(sql, claims, "usage");
  return { memories, bytes };
}

/** Stops the database's clock while `work` runs, because some values are counted by the minute. */
export async function withinAMinute(clock: Clock, work: () => Promise<void>): Promise<void> {
  await clock.freeze();
  try {
    await work();
  } finally {
    await clock.thaw();
  }
}
