/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    lease: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    debug_records: "debug:read",
  },
  scopes: ["debug:read", "debug:write"],
  fill: async (sql, victim) => {
    await rpc(sql, victim.owner, "set_debug", { persist: true });
    const { lease } = await rpc<{ lease: string }>(sql, victim.owner, "lease_debug", { level: 1 });
    const record = {
      id: randomUUID(),
      level: 1,
      category: "task",
      name: "the secret plan",
      at: new Date().toISOString(),
    };
    await rpc(sql, victim.agent.claims, "append_debug", { records: [record] as never });
    return { lease };
  },
  topics: (victim) => ({
    debug: `tenant:${victim.tenant}:debug:${victim.agent.id}`,
  }),
  attacks: (victim) => ({
    append_debug: {
      values: { records: [] },
      needs: "debug:write",
      only: "agent",
      viewer: "may not",
    },
    debug_level: { values: {}, needs: "debug:write", only: "agent", viewer: "may not" },
    lease_debug: {
      values: { level: 4, for_agent: victim.agent.id },
      needs: "debug:read",
      viewer: "may not",
    },
    release_debug: { values: { lease: victim.lease }, needs: "debug:read", viewer: "may not" },
    set_debug: { values: { persist: false }, needs: "tenant:write", viewer: "may not" },
  }),
};
