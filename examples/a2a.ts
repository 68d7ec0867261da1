/** An agent that other frameworks can reach over the A2A protocol, and a client that asks it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SendMessageRequest } from "@a2a-js/sdk";
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
} from "@a2a-js/sdk/client";
import { getRequestListener } from "@hono/node-server";
import { a2aHandler, pushNotifications } from "@mayfly/a2a";
import { findRunning } from "@mayfly/local";
import { defineAgent, runAgents } from "@mayfly/sdk";
import "./as-command.ts";
import { chooseModel } from "./model.ts";
import { standIn, standInName } from "./stand-in.ts";
import { openTenant } from "./tenant.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const mayfly = await openTenant(project.apiUrl, project.secretKey);

// A model, if OPENAI_API_KEY or another key is set.
const chosen = await chooseModel(process.env.MODEL, process.env);
const analyst = defineAgent({
  name: "analyst",
  model: chosen?.model ?? standIn(({ question }) => `You asked: ${question}`),
  instructions: "Answer in one sentence.",
});
const agents = [{ agent: analyst, description: "Says why an order failed." }];

// Here everyone is let in as the secret key. On a server: caller: signedIn({ url, key: publishableKey }).
const server = createServer(getRequestListener(a2aHandler({ agents, caller: () => mayfly })));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
const address = `http://127.0.0.1:${port}/analyst`;

const handlers = { ...runAgents(analyst), ...pushNotifications(mayfly, agents) };
const { data: work, error } = await mayfly.jobs.work(handlers);
if (error) throw error;

// From here on, this is what a client in another framework does, without Mayfly.
const factory = new ClientFactory({
  transports: [new JsonRpcTransportFactory()],
  cardResolver: new DefaultAgentCardResolver(),
});
const client = await factory.createFromUrl(`${address}/.well-known/agent-card.json`, "");
console.log(`${address}: ${(await client.getAgentCard()).description}`);
const question = SendMessageRequest.fromJSON({
  message: {
    messageId: crypto.randomUUID(),
    role: "ROLE_USER",
    parts: [{ text: "Why did order 17 not arrive?" }],
  },
});
let task = "";
for await (const { payload } of client.sendMessageStream(question)) {
  if (payload?.$case === "task") task = payload.value.id;
  if (payload?.$case === "artifactUpdate")
    process.stdout.write(String(payload.value.artifact?.parts[0]?.content?.value));
}
console.log(
  `\n${chosen?.name ?? standInName}. To see the run: npx mayfly runs ${task} --tenant example`,
);

await work.stop();
server.close();
await mayfly.close();
