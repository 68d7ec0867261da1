/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import { messageTo } from "#harness/messages";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** The name of a channel of kind two_way. */
    channel: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    channel_subscriptions: "message:read",
    channels: "message:read",
  },
  scopes: ["channel:write", "channel:broadcast"],
  fill: async (sql, victim) => {
    const channel = "secret-channel";
    const call = (name: string, values: Record<string, unknown>) =>
      rpc(sql, victim.agent.claims, name, values);
    await call("create_channel", { name: channel });
    await call("subscribe_channel", { name: channel });
    const said = messageTo({ channel }, { payload: { text: "the secret plan" } });
    await call("send_messages", { messages: [said] as never });
    return { channel };
  },
  topics: (victim) => ({
    channel: `tenant:${victim.tenant}:channel:${victim.channel}`,
    broadcast: `tenant:${victim.tenant}:broadcast:${victim.channel}`,
  }),
  attacks: (victim) => ({
    acknowledge_channel: {
      values: { name: victim.channel, seq: 0 },
      needs: "message:read",
      viewer: "may not",
    },
    channel_statistics: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "may not",
    },
    create_channel: {
      values: { name: "mine", kind: "broadcast" },
      needs: "channel:write",
      viewer: "may not",
    },
    delete_channel: {
      values: { name: victim.channel },
      needs: "channel:write",
      viewer: "may not",
    },
    read_channel: { values: { name: victim.channel }, needs: "message:read", viewer: "may not" },
    subscribe_channel: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "own",
    },
    unsubscribe_channel: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "own",
    },
    update_channel: {
      values: { name: victim.channel, publishers: [] },
      needs: "channel:write",
      viewer: "may not",
    },
  }),
};
