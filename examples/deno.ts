// A script for Deno that reports what this file is about. If no memory says so yet, a worker finds
// out and remembers it. The next start of the script recalls that memory.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { readArguments } from "./arguments.ts";
import { openTenant } from "./tenant.ts";

const [file = "README.md"] = readArguments("[file]").words;
const nothingRuns = (): never => {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
};
const running = await readFile(".mayfly/running.json", "utf8").catch(nothingRuns);
const { apiUrl, secretKey } = JSON.parse(running) as { apiUrl: string; secretKey: string };
// The file that names the project remains after a crash, so check that the project answers.
await fetch(`${apiUrl}/health`).catch(nothingRuns);
const mayfly = await openTenant(apiUrl, secretKey);

const task = `Keywords of ${file}`;
const text = await readFile(file, "utf8");
// The agent exists as long as this block runs. It is stopped even after a failure.
const { data: answer, error } = await mayfly.run({ type: "asker", lifetime: 60 }, async (agent) => {
  const { data: known, error: unknowing } = await agent.recall(task, { task, limit: 1 });
  if (unknowing) throw unknowing;
  const [memory] = known.results;
  if (memory) return `${memory.agentName} had found: ${memory.output}`;

  const assignment = { task, context: { text } };
  const { data: reply, error } = await agent.request(
    { capability: "keywords" },
    "task_assignment",
    assignment,
  );
  if (error) throw error;
  const { keywords } = reply.payload.result as { keywords: string[] };
  return `A worker has found: ${keywords.join(", ")}`;
});
await mayfly.close();

if (error?.code === "no_recipient")
  console.error("No worker is running to find out. Start the worker.");
else if (error) throw error;
else console.log(answer);
process.exitCode = error ? 1 : 0;
