/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { rpc } from "#harness/callers";
import { messageTo } from "#harness/messages";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A message of the agent to the viewer. */
    message: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    deliveries: "message:read",
    inboxes: "message:read",
    messages: "message:read",
  },
  scopes: ["message:read", "message:send"],
  fill: async (sql, victim) => {
    const said = messageTo(String(victim.viewer.sub), { payload: { text: "the secret plan" } });
    await rpc(sql, victim.agent.claims, "send_messages", { messages: [said] as never });
    return { message: said.id };
  },
  attacks: (victim) => ({
    acknowledge_messages: { values: { seqs: [1] }, needs: "message:read", viewer: "own" },
    open_inbox: { values: { session: randomUUID() }, needs: "message:read", viewer: "own" },
    pull_inbox: { values: { session: randomUUID() }, needs: "message:read", viewer: "may not" },
    send_messages: {
      values: { messages: [messageTo(victim.agent.id)] },
      needs: "message:send",
      viewer: "may not",
    },
  }),
};
