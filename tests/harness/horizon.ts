/**
 * A snapshot includes the transactions of every database of a cluster, and tests of other databases run at the same
 * time.
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
