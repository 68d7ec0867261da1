// A worker: a process that lives long and takes tasks from its inbox. It finds the keywords of a text,
// remembers them, and replies. Ctrl-C or SIGTERM: it ends what it has begun, and goes.
import { findRunning } from "@mayfly/local";
import type { Agent, Message } from "@mayfly/sdk";
import { openTenant } from "./tenant.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("Nothing runs here. In another terminal: npm start");
  process.exit(1);
}
const mayfly = await openTenant(project.apiUrl, project.secretKey);

const stopped = new Promise<"stopped">((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve("stopped"));
});

// An agent lives 15 minutes at most; the process goes on with another.
for (let why: unknown; why !== "stopped"; ) {
  const { data: worker, error } = await mayfly.spawn({
    type: "worker",
    capabilities: ["keywords"], // what others find it by
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
  // Thrown, it is tried again; the message is acknowledged when this function has returned.
  const { error } = await worker.sync({ pull: false });
  if (error) throw error;
  await message.reply({ task, success: true, result: { keywords } }, { type: "task_complete" });
  await worker.presence.track({ status: "idle", task: "" });
  console.log(`${worker.name} did: ${task}`);
}

/** The words of more than five letters that come most often. */
function keywordsOf(text: string): string[] {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}{6,}/gu))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, 5)
    .map(([word]) => word);
}
