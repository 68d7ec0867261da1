/**
 * A snapshot includes the transactions of every database in the cluster, and other tests run in other
 * databases at the same time. So a test of cursors has to wait for the transactions of other tests too.
 */
import { expect, vi } from "vitest";
import type { Sql } from "./callers.ts";

/**
 * Resolves when no open transaction is older than the tenant's newest event. As long as there is one, a
 * cursor has to assume that it may still write to this tenant's log.
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
