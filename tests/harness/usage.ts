/** What a tenant uses of its quotas, for tests that time does not change. */
import { type Claims, rpc, type Sql } from "./callers.ts";

/** Without what time alone changes: writes are counted by the minute, and spawns come back. */
export async function storedBy(
  sql: Sql,
  claims: Claims,
): Promise<{ memories: number; bytes: number }> {
  const { memories, bytes } = await rpc<{ memories: number; bytes: number }>(sql, claims, "usage");
  return { memories, bytes };
}

/** What counts by the minute begins anew when one has ended in the middle of it. */
export async function withinAMinute(work: () => Promise<void>): Promise<void> {
  const minute = () => Math.floor(Date.now() / 60_000);
  const began = minute();
  try {
    await work();
  } catch (error) {
    if (minute() === began) throw error;
    await work();
  }
}
