/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  attacks: () => ({
    tenant_ids: { values: {}, needs: null, viewer: "may" },
  }),
};
