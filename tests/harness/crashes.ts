import type { Agent } from "@mayfly/sdk";
import { dataOf } from "./agents.ts";

/**
 * Has an agent push while `crash` happens, once a round, and then until all is through. What was
 * acknowledged counts as such: the outbox is expected to hold the rest, and nothing at the end.
 */
export async function pushThroughCrashes(
  agent: Agent,
  { rounds, crash }: { rounds: number; crash: (round: number) => Promise<void> },
): Promise<{ tasks: string[]; lost: number }> {
  const tasks: string[] = [];
  let lost = 0;
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 20; n++) {
      const task = `memory ${tasks.length}`;
      dataOf(await agent.remember({ task }));
      tasks.push(task);
    }
    const before = agent.unsynced;
    const crashed = crash(round);
    const { data, error } = await agent.sync({ pull: false });
    if (error) lost++;
    const settled = error ? before - agent.unsynced : (data.pushed ?? 0);
    if (settled + agent.unsynced !== before) {
      throw new Error(`Of ${before} operations ${settled} are through, ${agent.unsynced} wait.`);
    }
    await crashed;
  }
  for (let tries = 1; agent.unsynced > 0; tries++) {
    const { error } = await agent.sync({ pull: false });
    if (error && (error.code !== "unavailable" || tries === 20)) throw error;
  }
  return { tasks, lost };
}
