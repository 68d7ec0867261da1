/** How the room is filled and attacked in the isolation sweep. */
import type { RoomSweep } from "#harness/sweep";

export const sweep: RoomSweep = {
  common: ["scopes"],
};
