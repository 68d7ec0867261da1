/** How the room is filled and attacked in the isolation sweep. */
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  shownBy: {
    events: "memory:read",
  },
  fill: async (sql, victim) => {
    await rpc(sql, victim.agent.claims, "listen", { log: true, lost: 1 });
    await sql`
      insert into mayfly_private.nudges_due (tenant_id, topic, event)
      values (${victim.tenant}, ${`tenant:${victim.tenant}:log`}, 'log_appended')`;
    return {};
  },
  topics: (victim) => ({
    log: `tenant:${victim.tenant}:log`,
  }),
  attacks: (victim) => ({
    listen: {
      values: { log: true, channels: [victim.channel] as never, lost: 1 },
      needs: null,
      viewer: "own",
    },
  }),
};
