/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  shownBy: {
    events: async (sql) =>
      (await sql`select distinct scope from mayfly.event_kinds order by 1`).map(
        (row) => row.scope as string,
      ),
  },
  common: ["event_kinds"],
  fill: async (sql, victim) => {
    await rpc(sql, victim.agent.claims, "listen", { log: true, lost: 1 });
    await sql`
      insert into mayfly_private.nudges_due (tenant_id, topic, event)
      values (${victim.tenant}, ${`tenant:${victim.tenant}:log`}, 'log_appended')`;
    return {};
  },
  topics: (victim) => ({
    log: `tenant:${victim.tenant}:log`,
    people: `tenant:${victim.tenant}:people`,
  }),
  attacks: (victim) => ({
    push: {
      values: {
        push: [
          {
            id: randomUUID(),
            type: "memory.put",
            subject: randomUUID(),
            body: { task: "planted" },
          },
        ],
      },
      needs: "memory:write",
      viewer: "may not",
    },
    read_log: { values: { types: ["memory.*"] }, needs: "memory:read", viewer: "may" },
    listen: {
      values: { log: true, channels: [victim.channel] as never, lost: 1 },
      needs: null,
      viewer: "own",
    },
  }),
};
