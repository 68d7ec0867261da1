/** What a tenant uses of its quotas, for tests that time does not change. */
import { type Claims, rpc, type Sql } from "./callers.ts";
import type { Clock } from "./clock.ts";

/** Without what time alone changes: writes are counted by the minute, and spawns come back. */
export async function storedBy(
  sql: Sql,
  claims: Claims,
): Promise<{ memories: number; bytes: number }> {
  const { memories, bytes } = await rpc<{ memories: number; bytes: number }>(sql, claims, "usage");
  return { memories, bytes };
}

/** Work during which no minute ends: what counts by the minute begins with the next one. */
export async function withinAMinute(clock: Clock, work: () => Promise<void>): Promise<void> {
  await clock.freeze();
  try {
    await work();
  } finally {
    await clock.thaw();
  }
}
