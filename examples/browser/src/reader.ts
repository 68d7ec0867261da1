import type { Agent, Mayfly } from "@mayfly/sdk";

/** Where progress is told, to who listens now. */
export const progressChannel = "progress";

/** What it does, and no more: broadcasts are given to no agent by default. */
const scopes = [
  "memory:read",
  "memory:write",
  "message:read",
  "message:send",
  "presence:write",
  "channel:broadcast",
  "debug:write",
];

/**
 * Spawns an agent that lives in this page: it learns what it is given, a sentence at a time. If the
 * page closes it is not seen any more, and ends with its lifetime.
 */
export async function spawnReader(mayfly: Mayfly, name: string): Promise<Agent> {
  const options = { type: "reader", lifetime: 600, scopes, ...(name && { name }) };
  const { data: agent, error } = await mayfly.spawn(options);
  if (error) throw error;
  await agent.channels.subscribe(progressChannel);
  agent.on("task_assignment", async (message) => {
    const { task, context } = message.payload;
    await agent.presence.track({ status: "working", task });
    const learned = await learn(agent, task, String(context?.text ?? ""));
    await agent.presence.track({ status: "idle", task: "" });
    await message.reply({ task, success: true, result: { learned } }, { type: "task_complete" });
  });
  await agent.presence.track({ status: "idle" });
  return agent;
}

/** @returns how many memories. */
async function learn(agent: Agent, task: string, text: string): Promise<number> {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => sentence.trim() !== "");
  const progress = agent.channels.open(progressChannel);
  agent.debug.task("learn", { task, sentences: sentences.length });
  for (const [index, output] of sentences.entries()) {
    agent.debug.step("sentence", { number: index + 1, output });
    const remembered = await agent.remember({ task, output, reward: 1 });
    if (remembered.error) throw remembered.error;
    // What is pushed is there for everybody, also if this page closes now.
    const pushed = await agent.sync({ pull: false });
    if (pushed.error) throw pushed.error;
    await progress.broadcast("progress", {
      agent: agent.id,
      done: index + 1,
      of: sentences.length,
    });
  }
  return sentences.length;
}
