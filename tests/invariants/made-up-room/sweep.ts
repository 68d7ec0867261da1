/** How the room is filled and attacked in the isolation sweep, like `tests/<room>/sweep.ts` of a real room. */
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    parcel: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: { parcels: "parcel:read", stamps: "parcel:read" },
  scopes: ["parcel:read", "parcel:send"],
  fill: async (sql, victim) => ({
    parcel: await rpc<string>(sql, victim.agent.claims, "send_parcel", {
      label: "the secret plan",
    }),
  }),
  topics: (victim) => ({ parcel: `tenant:${victim.tenant}:parcel:${victim.parcel}` }),
  attacks: (victim) => ({
    send_parcel: {
      values: { label: "planted", inside: victim.parcel },
      needs: "parcel:send",
      viewer: "may not",
    },
  }),
};
