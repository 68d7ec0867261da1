/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  shownBy: {
    tenants: null,
  },
  fill: async (sql, victim) => {
    await sql`select mayfly_private.listen_by_postgres(array[${victim.tenant}]::uuid[])`;
    return {};
  },
  attacks: () => ({
    create_tenant: { values: { name: "mine" }, needs: null, only: "person", viewer: "may not" },
    set_quotas: { values: { max_bytes: 0 }, needs: null, only: "secret", viewer: "may not" },
    update_tenant: { values: { name: "mine now" }, needs: "tenant:write", viewer: "may not" },
    usage: { values: {}, needs: null, viewer: "may" },
  }),
};
