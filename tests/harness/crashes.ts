import type { Agent } from "@mayfly/sdk";
import { dataOf } from "./agents.ts";

/**
 * In each round, an agent pushes once while `crash` happens. After each push, every operation that the server
 * did not acknowledge must still be in the outbox. At the end, the agent pushes until the outbox is empty.
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
    const before = agent.outbox.waiting;
    const crashed = crash(round);
    const { data, error } = await agent.sync({ pull: false });
    if (error) lost++;
    const settled = error ? before - agent.outbox.waiting : (data.pushed ?? 0);
    if (settled + agent.outbox.waiting !== before) {
      throw new Error(
        `Of ${before} operations ${settled} are through, ${agent.outbox.waiting} wait.`,
      );
    }
    await crashed;
  }
  for (let tries = 1; agent.outbox.waiting > 0; tries++) {
    const { error } = await agent.sync({ pull: false });
    if (error && (error.code !== "unavailable" || tries === 20)) throw error;
  }
  return { tasks, lost };
}
