import type { Agent, Mayfly } from "@mayfly/sdk";

/** The topic for progress, which reaches only current listeners. */
export const progressChannel = "progress";

/** Exactly the scopes that a reader uses. By default, no agent may broadcast. */
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
 * Spawns an agent that lives in this page and learns the texts that it gets, one sentence at a time. If the page
 * closes, the agent is no longer present, and it ends when its lifetime is over.
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

/** @returns the number of memories. */
async function learn(agent: Agent, task: string, text: string): Promise<number> {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => sentence.trim() !== "");
  const progress = agent.channels.open(progressChannel);
  agent.debug.task("learn", { task, sentences: sentences.length });
  for (const [index, output] of sentences.entries()) {
    agent.debug.step("sentence", { number: index + 1, output });
    const remembered = await agent.remember({ task, output, reward: 1 });
    if (remembered.error) throw remembered.error;
    // Once pushed, the memories are visible to everybody, even if this page closes now.
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
