/**
 * The server that is tested with the A2A project's own kit (a2aproject/a2a-tck, in Python). The server prints
 * its address, and serves until it is interrupted. docs/a2a.md has the commands and the score.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { a2aHandler, pushNotifications } from "@mayfly/a2a";
import { defineAgent, runAgents } from "@mayfly/sdk";
import { startTestLocal } from "#harness/local";
import { scriptedModel } from "../runs/running.ts";

/**
 * How long an answer takes. It takes 1 s, so that the kit can cancel a task right after it has sent the task.
 * In the kit's test of subscribing again, it takes 5 s, because the kit then listens for two of its timeouts.
 */
const [shortMs, longMs] = [1_000, 5_000];

const local = await startTestLocal({ embedded: true });
const { mayfly } = await local.enter();
const echo = defineAgent({
  name: "echo",
  model: scriptedModel(async (_, prompt) => {
    const said = JSON.stringify(prompt.at(-1));
    await new Promise((resolve) => setTimeout(resolve, /resubscri/i.test(said) ? longMs : shortMs));
    return "Hello.";
  }),
});
const agents = [{ agent: echo, description: "Answers every message." }];
const work = await mayfly.jobs.work(
  { ...runAgents(echo), ...pushNotifications(mayfly, agents, { allow: () => true }) },
  { pollMs: 100 },
);
if (work.error) throw work.error;
const handle = a2aHandler({ agents, caller: () => mayfly });
// The kit looks for the card at the root of the host.
const atRoot = (request: Request) =>
  handle(new Request(request.url.replace(/\/\.well-known/, "/echo/.well-known"), request));
const server = createServer(
  getRequestListener((request) =>
    new URL(request.url).pathname.startsWith("/.well-known") ? atRoot(request) : handle(request),
  ),
);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
console.log(`http://127.0.0.1:${port}/echo`);

process.once("SIGINT", async () => {
  server.close();
  await work.data.stop({ timeoutMs: 0 });
  await mayfly.close();
  await local.close();
  process.exit(0);
});
