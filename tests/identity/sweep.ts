/** How the room is filled and attacked in the isolation sweep. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  attacks: () => ({
    tenant_ids: { values: {}, needs: null, viewer: "may" },
  }),
};
