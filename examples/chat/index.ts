// A chat page. Its answers survive a reload, and a crash of the worker that writes them.
import { findRunning } from "@mayfly/local";
import { defineAgent, runAgents } from "@mayfly/sdk";
import "../as-command.ts";
import { chooseModel } from "../model.ts";
import { standIn, standInName } from "../stand-in.ts";
import { openTenant } from "../tenant.ts";
import { serveChat } from "./server.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const mayfly = await openTenant(project.apiUrl, project.secretKey);

// A model, if OPENAI_API_KEY or another key is set. To choose your own: anthropic("claude-sonnet-4-5").
const chosen = await chooseModel(process.env.MODEL, process.env);
const script = ({ question }: { question: string }) =>
  `I am ${standInName}. You said: "${question}" ${"I say much, and slowly, so that you can reload the page in the midst of it. ".repeat(8)}`;

const talker = defineAgent({
  name: "talker",
  model: chosen?.model ?? standIn(script, { pauseMs: 60 }),
  instructions: "Answer in a few sentences.",
  // Each turn continues the run of the turn before, so this is the limit of a whole conversation.
  maxSteps: 1_000,
});
const { data: work, error } = await mayfly.jobs.work(runAgents(talker));
if (error) throw error;

const page = await serveChat({ mayfly, agent: talker, port: Number(process.env.PORT ?? 5174) });
console.log(`Open ${page.url} and reload it in the midst of an answer. Ctrl-C ends it.`);
console.log(`The model: ${chosen?.name ?? standInName}`);

async function end() {
  await page.close();
  await work?.stop();
  await mayfly.close();
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end());
