import type { RealtimeChannel } from "@supabase/supabase-js";
import type { MayflyClient } from "./call.ts";

/** Who listens for nudges of a tenant's log. */
export interface NudgeListener {
  /** There may be something to pull: a nudge came, or nudges may have been missed until now. */
  onNudge: () => void;
  /** Whether nudges come at all. */
  onJoined: (joined: boolean) => void;
}

/** One channel of a client, however many listen: realtime-js has one for each topic. */
interface Hub {
  channel: RealtimeChannel;
  listeners: Set<NudgeListener>;
  joined: boolean;
}

const hubs = new WeakMap<MayflyClient, Map<string, Hub>>();
const leaving = new WeakMap<MayflyClient, Promise<unknown>>();

/**
 * Listens for nudges; realtime-js joins again by itself after a loss of the connection.
 *
 * @returns stops listening.
 */
export async function listenForNudges(
  client: MayflyClient,
  tenant: string,
  listener: NudgeListener,
): Promise<() => Promise<void>> {
  // A channel that is being left would be given back by its topic.
  await leaving.get(client);
  const ofClient = hubs.get(client) ?? new Map<string, Hub>();
  hubs.set(client, ofClient);
  const known = ofClient.get(tenant);
  const hub = known ?? createHub(client, tenant);
  ofClient.set(tenant, hub);
  hub.listeners.add(listener);
  if (known) listener.onJoined(hub.joined);
  else await join(client, hub);
  return async () => {
    hub.listeners.delete(listener);
    if (hub.listeners.size > 0 || ofClient.get(tenant) !== hub) return;
    ofClient.delete(tenant);
    const left = client.removeChannel(hub.channel);
    leaving.set(client, left);
    await left;
  };
}

function createHub(client: MayflyClient, tenant: string): Hub {
  const channel = client.channel(`tenant:${tenant}:log`, {
    config: { private: true, broadcast: { replication_ready: true } },
  });
  const hub: Hub = { channel, listeners: new Set(), joined: false };
  const nudge = () => {
    for (const { onNudge } of hub.listeners) onNudge();
  };
  channel.on("broadcast", { event: "log_appended" }, nudge);
  // Between the join and this message the database's broadcasts may not flow yet.
  channel.on("system", {}, nudge);
  return hub;
}

async function join(client: MayflyClient, hub: Hub): Promise<void> {
  // The first private join must already carry the token: without it the refusal takes 5 s.
  await client.realtime.setAuth();
  hub.channel.subscribe((status) => {
    hub.joined = status === "SUBSCRIBED";
    for (const { onJoined, onNudge } of hub.listeners) {
      onJoined(hub.joined);
      if (hub.joined) onNudge();
    }
  });
}
