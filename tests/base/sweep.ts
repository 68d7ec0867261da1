/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  common: ["scopes"],
};
