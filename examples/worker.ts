// A worker: a long-lived process that takes tasks from its inbox. It finds the keywords of a text, remembers
// them, and replies. On Ctrl-C or SIGTERM it finishes its task and exits.
import { findRunning } from "@mayfly/local";
import type { Agent, Message } from "@mayfly/sdk";
import "./as-command.ts";
import { openTenant } from "./tenant.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const mayfly = await openTenant(project.apiUrl, project.secretKey);

const stopped = new Promise<"stopped">((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve("stopped"));
});

// Each agent lives at most 15 minutes. After that, the process continues with another agent.
for (let why: unknown; why !== "stopped"; ) {
  const { data: worker, error } = await mayfly.spawn({
    type: "worker",
    capabilities: ["keywords"], // others find it by these
    lifetime: 900,
  });
  if (error) throw error;
  worker.on("task_assignment", (message) => work(worker, message), {
    onError: (problem) => console.error(`${worker.name}:`, problem),
  });
  await worker.presence.track({ status: "idle" });
  console.log(`${worker.name} waits for tasks.`);
  why = await Promise.race([worker.ended, stopped]);
  if (why === "stopped") await worker.stop("The process was told to end.");
}
await mayfly.close();
console.log("Ended.");

async function work(worker: Agent, message: Message<"task_assignment">): Promise<void> {
  const { task, context } = message.payload;
  await worker.presence.track({ status: "working", task });
  const keywords = keywordsOf(String(context?.text ?? ""));
  await worker.remember({ task, output: keywords.join(", "), tags: ["keywords"] });
  // If this function throws, the message is delivered again. When it returns, the message is
  // acknowledged.
  const { error } = await worker.sync({ pull: false });
  if (error) throw error;
  await message.reply({ task, success: true, result: { keywords } }, { type: "task_complete" });
  await worker.presence.track({ status: "idle", task: "" });
  console.log(`${worker.name} did: ${task}`);
}

/** The most frequent words of more than five letters. */
function keywordsOf(text: string): string[] {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}{6,}/gu))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, 5)
    .map(([word]) => word);
}
