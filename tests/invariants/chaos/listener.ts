/** An agent in the test's own process, which is never killed, and the messages that it receives. */

import type { Mayfly } from "@mayfly/sdk";
import { expect } from "vitest";
import type { Sql } from "#harness/callers";

export interface Listener {
  readonly id: string;
  readonly heard: { id: string; from: string; nth: number }[];
  /** Invariants 5 and 6: every message arrived once, in the order of its sender, and no message is left. */
  check(sql: Sql, tenant: string, sent: Set<string>): Promise<void>;
  stop(): Promise<void>;
}

export async function startListener(mayfly: Mayfly): Promise<Listener> {
  const { data: agent, error } = await mayfly.spawn({
    lifetime: 900,
    scopes: ["message:read"],
  });
  if (error) throw error;
  const heard: Listener["heard"] = [];
  agent.on("report", ({ id, senderId, payload }) => {
    heard.push({ id, from: String(senderId), nth: Number(payload.nth) });
  });
  return {
    id: agent.id,
    heard,
    async check(sql, tenant, sent) {
      const deliveries = () => sql`
        select m.id, d.acknowledged_at is not null as acknowledged
        from mayfly.messages m left join mayfly.deliveries d on d.tenant_id = m.tenant_id and d.message_id = m.id
        where m.tenant_id = ${tenant} and m.type = 'report'`;
      const waiting = async () => (await deliveries()).filter((row) => !row.acknowledged).length;
      await expect.poll(waiting, { timeout: 60_000, interval: 200 }).toBe(0);
      const rows = await deliveries();
      const ids = heard.map(({ id }) => id);
      expect(new Set(ids).size, "handled twice").toBe(ids.length);
      expect(
        [...sent].filter((id) => !ids.includes(id)),
        "sent, and not handled",
      ).toEqual([]);
      expect(rows.map((row) => row.id as string).sort(), "stored").toEqual([...ids].sort());
      const last = new Map<string, number>();
      for (const { from, nth } of heard) {
        expect(nth, `out of order, of ${from}`).toBeGreaterThan(last.get(from) ?? -1);
        last.set(from, nth);
      }
    },
    async stop() {
      await agent.close();
    },
  };
}
