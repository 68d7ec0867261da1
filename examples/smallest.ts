import { findRunning } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
// If something goes wrong, the error is printed as one line.
import "./as-command.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const { apiUrl: url, secretKey: key } = project;

const { data: tenant, error: refused } = await new Mayfly({ url, key }).tenants.ensure("acme");
if (refused) throw refused;
const mayfly = new Mayfly({ url, key, tenant: tenant.id });

const { data: agent, error } = await mayfly.spawn({ name: "analyst", lifetime: 60 });
if (error) throw error;
await agent.remember({
  task: "Rotate the signing key",
  output: "Import the new key, wait until it is in the JWKS everywhere, then rotate.",
  reward: 0.9,
});
const { error: unsynced } = await agent.sync();
if (unsynced) throw unsynced;
await agent.stop("done");

// Later, an agent that was never told about it:
const { data: newcomer, error: refusal } = await mayfly.spawn({ name: "newcomer" });
if (refusal) throw refusal;
const { data: answer, error: unanswered } = await newcomer.recall("how do we change keys?");
if (unanswered) throw unanswered;
console.log(answer.results[0]?.agentName, "knew:", answer.results[0]?.output);
await newcomer.stop();
