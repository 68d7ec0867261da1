import type { AgentLife } from "@mayfly/sdk";
import type { Agents } from "../../live/agents.ts";
import type { Happening } from "../../live/events.ts";

/** An agent's row: from its birth to its end, under its parent. */
export interface Lane {
  id: string;
  life: AgentLife;
  /** How many generations the agent is below its oldest ancestor that is shown. */
  depth: number;
  start: number;
  end: number;
  /** A colour of the theme. Agents of one type have the same colour. */
  tone: string;
  /** The spans of time in which the agent was suspended. */
  pauses: [number, number][];
}

const tones = ["violet", "blue", "teal", "orange", "pink", "green"];

/** The agents that were alive within a span of time: parents above their children, oldest first. */
export function lanesOf(
  agents: Agents,
  pauses: ReadonlyMap<string, [number, number][]>,
  from: number,
  to: number,
): Lane[] {
  const shown = new Map<string, AgentLife>();
  for (const life of agents.all())
    if (life.spawnedAt.getTime() <= to && agents.endOf(life) >= from) shown.set(life.id, life);
  const byAge = [...shown.values()].sort(
    (one, other) =>
      one.spawnedAt.getTime() - other.spawnedAt.getTime() || (one.id < other.id ? -1 : 1),
  );
  const children = new Map<string | null, AgentLife[]>();
  const types: string[] = [];
  for (const life of byAge) {
    const parent = life.parentId !== null && shown.has(life.parentId) ? life.parentId : null;
    children.set(parent, [...(children.get(parent) ?? []), life]);
    if (!types.includes(life.type)) types.push(life.type);
  }
  const lanes: Lane[] = [];
  const add = (parent: string | null, depth: number) => {
    for (const life of children.get(parent) ?? []) {
      const { id, spawnedAt, type } = life;
      const tone = tones[types.indexOf(type) % tones.length] ?? "violet";
      const start = spawnedAt.getTime();
      lanes.push({
        id,
        life,
        depth,
        start,
        end: agents.endOf(life),
        tone,
        pauses: pauses.get(id) ?? [],
      });
      add(id, depth + 1);
    }
  };
  add(null, 0);
  return lanes;
}

/** When each agent was suspended, according to the log and to the agents' own status. */
export function pausesOf(
  happened: readonly Happening[],
  lives: Iterable<AgentLife>,
): Map<string, [number, number][]> {
  const pauses = new Map<string, [number, number][]>();
  for (const { type, subject, at } of happened) {
    if (subject === null || !type.startsWith("agent.")) continue;
    const own = pauses.get(subject) ?? [];
    if (type === "agent.suspended") own.push([at, Number.POSITIVE_INFINITY]);
    else {
      const last = own.at(-1);
      if (last && last[1] === Number.POSITIVE_INFINITY) last[1] = at;
    }
    pauses.set(subject, own);
  }
  // If an agent is suspended without an event that says so, it was suspended before the first event
  // that the page knows.
  for (const { id, status, suspendedAt } of lives)
    if (status === "suspended" && suspendedAt && !pauses.has(id))
      pauses.set(id, [[suspendedAt.getTime(), Number.POSITIVE_INFINITY]]);
  return pauses;
}
