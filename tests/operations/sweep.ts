/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  attacks: () => ({
    erase_tenant: { values: { name: "the victim" }, needs: "tenant:write", viewer: "may not" },
    export_tenant: { values: {}, needs: "tenant:write", viewer: "may not" },
    import_tenant: {
      values: { lines: [] as never },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    installation: { values: {}, needs: null, only: "secret", viewer: "may not" },
    maintain: { values: {}, needs: "memory:write", viewer: "may not" },
  }),
};
