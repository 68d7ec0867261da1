/**
 * The process that receives, once as an agent and once with realtime-js alone. Prints what arrived, and when.
 */

import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";

const [url = "", key = "", tenant = ""] = process.argv.slice(2);
const came = (what: string, n: unknown): void => {
  process.send?.({ what, n, at: performance.timeOrigin + performance.now() });
};

const mayfly = new Mayfly({ url, key, tenant });
const { data: agent, error } = await mayfly.spawn({ name: "receiver", lifetime: 900 });
if (error) throw error;
agent.on("tick", ({ payload }) => came("durable", payload.n));
const listening = await agent.channels
  .open("bench")
  .onBroadcast("tick", (payload) => came("ephemeral", payload.n));
if (listening.error) throw listening.error;

const bare = createClient(url, key);
const channel = bare.channel("bench-bare", { config: { broadcast: { replication_ready: true } } });
channel.on("broadcast", { event: "*" }, ({ event, payload }) => came(event, payload.n));
await new Promise<void>((resolve) => {
  channel.on("system", {}, () => resolve());
  channel.subscribe();
});
process.send?.({ what: "ready", id: agent.id });

process.once("disconnect", async () => {
  await bare.realtime.disconnect();
  await agent.stop();
  await mayfly.close();
  process.exit(0);
});
