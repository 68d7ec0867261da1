/**
 * A process that handles messages, and prints each message that it has handled. At the message `stopAt` it
 * stops: it has printed this message, but does not acknowledge it.
 */
import { appendFileSync } from "node:fs";
import { Mayfly } from "@mayfly/sdk";

const [url = "", key = "", tenant = "", file = "", stopAt = ""] = process.argv.slice(2);
const mayfly = new Mayfly({ url, key, tenant });
const { data: agent, error } = await mayfly.spawn({ lifetime: 300, registrationKey: "worker" });
if (error) throw error;
agent.on("tick", ({ payload, attempt }) => {
  appendFileSync(file, `${payload.n} ${attempt}\n`);
  process.send?.({ handled: payload.n });
  if (String(payload.n) === stopAt) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
process.send?.({ id: agent.id });
