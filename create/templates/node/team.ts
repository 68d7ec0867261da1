// Three readers read a folder of notes. An analyst that never saw the notes answers from their
// memories.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { type Agent, defineAgent, Mayfly, runAgents, type Work } from "@mayfly/sdk";
import { isStandIn, model } from "./model.ts";

const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
if (!url || !key || !tenant) {
  console.error("Start it with: npm start");
  process.exit(1);
}
const mayfly = new Mayfly({ url, key, tenant });

const reader = defineAgent({
  name: "reader",
  model,
  instructions: "Say in a few sentences what this note says. Keep every number and name.",
  memory: { remember: "outcome" },
  budget: { tokens: 50_000, seconds: 120 },
});
const analyst = defineAgent({
  name: "analyst",
  model,
  instructions:
    "Answer in one sentence, using only the recalled memories. If they do not answer the question, say so.",
  memory: { recall: 5 },
  budget: { tokens: 50_000, seconds: 120 },
});

const question = process.argv[2] ?? "Who has to agree to a large refund?";
const folder = new URL("./notes/", import.meta.url);
const notes = (await readdir(folder)).filter((file) => file.endsWith(".md")).sort();
if (isStandIn)
  console.log(
    "AI_GATEWAY_API_KEY is not set, so a scripted stand-in copies sentences in place of a model.\n",
  );

const begun = new Date();
const team: { agent: Agent; work: Work }[] = [];
try {
  // Three workers run side by side. Each of them could be a process of its own, on another machine.
  await Promise.all(["one", "two", "three"].map(join));
  await Promise.all(notes.map(read));
  await answer();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const { agent, work } of team) {
    await work.stop({ timeoutMs: 1_000 });
    await agent.stop("done");
  }
  await mayfly.close();
}

async function join(name: string) {
  const { data: agent, error } = await mayfly.spawn({ name: `reader-${name}`, lifetime: 300 });
  if (error) throw error;
  const { data: work, error: refused } = await agent.work(runAgents(reader, analyst));
  if (refused) throw refused;
  team.push({ agent, work });
}

async function read(file: string) {
  const text = await readFile(new URL(file, folder), "utf8");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  for (let attempt = 1; ; attempt++) {
    // The same text is read only once, because a run with this key already exists.
    const key = `${file}-${digest}-${attempt}`;
    const { data: run, error } = await mayfly.runs.start(reader, text, { key });
    if (error) throw error;
    const { error: failed } = await run.result();
    if (!failed) break;
    // If the reading of this text failed in an earlier start of the team, the text is read again.
    const { data: known } = await mayfly.runs.get(run.id);
    if (!known || known.createdAt >= begun) throw failed;
  }
  console.log(`read      notes/${file}`);
}

async function answer() {
  console.log(`\nquestion  ${question}`);
  const { data: run, error } = await mayfly.runs.start(analyst, question);
  if (error) throw error;
  process.stdout.write("answer    ");
  for await (const { chunk } of run.stream())
    if (chunk.type === "text-delta") process.stdout.write(String(chunk.delta));
  console.log(isStandIn ? " (copied by the stand-in)" : "");
  const { error: failed } = await run.result();
  if (failed) throw failed;
}
