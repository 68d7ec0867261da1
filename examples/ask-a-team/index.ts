/**
 * A team of two agents that answers questions about a folder and remembers its answers. See docs/tutorial.md.
 */
import { resolve } from "node:path";
import { findRunning } from "@mayfly/local";
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { z } from "zod";
import { readArguments } from "../arguments.ts";
import { chooseModel } from "../model.ts";
import { standInName } from "../stand-in.ts";
import { openTenant } from "../tenant.ts";
import { readInFolder, searchFolder } from "./folder.ts";
import { standInGuide, standInLibrarian } from "./stand-in.ts";

// Without a reader of the output, as with `npm run ask | head`, the team still finishes and ends.
process.stdout.on("error", () => {});

const [given = "", question = ""] = readArguments("<folder> <question>").words;
const folder = resolve(process.env.INIT_CWD ?? "", given);
const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const tenant = `ask ${folder}`.slice(0, 100);
const mayfly = await openTenant(project.apiUrl, project.secretKey, tenant);

const chosen = await chooseModel(process.env.MODEL, process.env);
console.log(`Answered by ${chosen?.name ?? standInName}.`);

const librarian = defineAgent({
  name: "librarian",
  model: chosen?.model ?? standInLibrarian,
  instructions:
    "You look things up in a folder. Search, read what looks right, then answer in two sentences and name the file.",
  tools: {
    search: tool({
      description: "Finds the lines of the folder that have most of these words.",
      input: z.object({ words: z.string() }),
      risk: "read",
      run: ({ words }) => searchFolder(folder, words),
    }),
    read: tool({
      description: "Reads a file of the folder.",
      input: z.object({ path: z.string() }),
      risk: "read",
      run: ({ path }) => readInFolder(folder, path),
    }),
  },
  maxSteps: 8,
  budget: { tokens: 100_000 },
});

const guide = defineAgent({
  name: "guide",
  model: chosen?.model ?? standInGuide,
  instructions:
    "You answer questions about a folder. If the recalled memories answer the question, use them. Otherwise ask the librarian. Name the file.",
  delegates: [librarian],
  memory: { recall: 5, remember: "outcome" },
  maxSteps: 5,
  budget: { tokens: 200_000 },
});

const { data: worker, error } = await mayfly.spawn({ type: "worker", lifetime: 600 });
if (error) throw error;
const { data: work, error: idle } = await worker.work(runAgents(guide));
if (idle) throw idle;

const { data: run, error: refused } = await mayfly.runs.start(guide, question);
if (refused) throw refused;
for await (const { chunk } of run.stream()) {
  if (chunk.type === "tool-input-available") console.log(`→ ${chunk.toolName}`);
  if (chunk.type === "text-delta") process.stdout.write(String(chunk.delta));
}
const { data: result, error: failed } = await run.result();
const end = failed
  ? failed.message
  : `\n${result.steps} ${result.steps === 1 ? "step" : "steps"}, ${result.usage.inputTokens} + ${result.usage.outputTokens} tokens.`;
console.log(`\n${end} To see the run: npx mayfly runs ${run.id} --tenant "${tenant}"`);
if (failed) process.exitCode = 1;
await work.stop();
await worker.stop();
await mayfly.close();
