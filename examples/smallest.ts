import { findRunning } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const { apiUrl: url, secretKey: key } = project;

const { data: tenant } = await new Mayfly({ url, key }).tenants.ensure("acme");
const mayfly = new Mayfly({ url, key, tenant: tenant?.id ?? "" });

const { data: agent, error } = await mayfly.spawn({ name: "analyst", lifetime: 60 });
if (error) throw error;
await agent.remember({
  task: "Rotate the signing key",
  output: "Import the new key, wait until it is in the JWKS everywhere, then rotate.",
  reward: 0.9,
});
await agent.sync();
await agent.stop("done");

// Later, an agent that was never told about it:
const { data: newcomer, error: refusal } = await mayfly.spawn({ name: "newcomer" });
if (refusal) throw refusal;
const { data: answer } = await newcomer.recall("how do we change keys?");
console.log(answer?.results[0]?.agentName, "knew:", answer?.results[0]?.output);
await newcomer.stop();
