/**
 * Tests of other databases run at the same time, and a snapshot includes the transactions of every database in the
 * cluster. So a test of cursors has to wait for their transactions too.
 */
import { expect, vi } from "vitest";
import type { Sql } from "./callers.ts";

/**
 * Resolves when no open transaction is older than the tenant's events. A cursor has to assume that an older one
 * may still write here.
 */
export async function untilPassed(sql: Sql, tenant: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const [row] = await sql`
        select pg_snapshot_xmin(pg_current_snapshot()) > max(xid) as passed
        from mayfly.events where tenant_id = ${tenant}`;
      expect(row?.passed).toBe(true);
    },
    { timeout: 30_000 },
  );
}
