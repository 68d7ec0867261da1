import { findRunning } from "@mayfly/local";
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { z } from "zod";
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

// A model, if OPENAI_API_KEY or another key is set. To choose your own: anthropic("claude-sonnet-4-5").
const chosen = await chooseModel(process.env.MODEL, process.env);
const scripted = standIn(({ results: [order] }) =>
  order
    ? `Order 17 did not arrive: ${JSON.stringify(order)}.`
    : { tool: "order", input: { id: 17 } },
);

const analyst = defineAgent({
  name: "analyst",
  model: chosen?.model ?? scripted,
  instructions: "Answer in one sentence.",
  tools: {
    order: tool({
      description: "Looks an order up.",
      input: z.object({ id: z.number() }),
      risk: "read",
      run: ({ id }) => ({ id, status: "lost on the way" }),
    }),
  },
  budget: { tokens: 20_000, seconds: 60 },
});

// Any process that has the agent's definition can execute its runs. It also continues the runs of a
// process that died.
const onError = ({ message }: { message: string }) => console.error(message);
const { data: work, error: idle } = await mayfly.jobs.work(runAgents(analyst), { onError });
if (idle) throw idle;

const { data: run, error } = await mayfly.runs.start(analyst, "Why did order 17 not arrive?");
if (error) throw error;
for await (const { chunk } of run.stream({ onError }))
  if (chunk.type === "text-delta") process.stdout.write(String(chunk.delta));
const { data: result, error: failure } = await run.result();
const end = failure ? failure.message : `${chosen?.name ?? standInName}, ${result.steps} steps.`;
const print = failure ? console.error : console.log;
print(`\n${end} To see the run: npx mayfly runs ${run.id} --tenant example`);
if (failure) process.exitCode = 1;
await work.stop();
await mayfly.close();
