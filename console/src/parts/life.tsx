import type { AgentLife } from "@mayfly/sdk";
import type { Agents } from "../live/agents.ts";
import { second } from "../live/clock.ts";
import { duration } from "./time.tsx";

/** A life as a bar that drains, with the remaining time in words. */
export function Life({ agents, of }: { agents: Agents; of: AgentLife }) {
  const now = second.value;
  const [start, end] = [of.spawnedAt.getTime(), agents.endOf(of)];
  const condition = agents.conditionAt(of, now);
  const alive = condition === "running" || condition === "suspended";
  const left = Math.max(0, Math.min(1, (end - now) / Math.max(1, end - start)));
  return (
    <span class="life">
      <svg width="72" height="8" aria-hidden="true" class={alive ? `life-${condition}` : ""}>
        <rect width="72" height="8" rx="4" />
        {alive && <rect width={72 * left} height="8" rx="4" class="life-left" />}
      </svg>
      <span>{alive ? `${duration(end - now)} left` : `lived ${duration(end - start)}`}</span>
    </span>
  );
}
