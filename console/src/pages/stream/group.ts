import { type Entry, titleOf } from "./entry.ts";

/** A line as it is drawn, with its depth. For a task, also the lines below it. */
export interface Line {
  key: string;
  entry: Entry;
  depth: number;
  /** Set if there are lines below it. */
  inside?: { count: number; failures: number; until: number; open: boolean };
}

const depths: Record<string, number> = { task: 0, step: 1 };

interface Group {
  head: Entry;
  under: Entry[];
  /** For a job, the id that its records mention. */
  id: unknown;
}

/** The id that a debug record of the SDK mentions, such as the id of the job that it is about. */
const idOf = (entry: Entry): unknown =>
  entry.from === "debug" ? (entry.record.data as { id?: unknown } | null)?.id : undefined;

/**
 * Groups lines. Below each task of an agent come all lines until the agent's next task: its steps,
 * and below each step the tools and everything else. Lines before an agent's first task are not
 * grouped. Groups are in the order in which they began.
 */
export function grouped(
  entries: Entry[],
  isOpen: (key: string) => boolean,
  isFailure: (entry: Entry) => boolean,
): Line[] {
  const groups: Group[] = [];
  /** The open tasks of each agent, newest last. */
  const open = new Map<string, Group[]>();
  for (const entry of entries) {
    const { agentId, kind } = entry;
    const tasks = agentId === null ? [] : (open.get(agentId) ?? []);
    const id = idOf(entry);
    const own = tasks.findLast((task) => id !== undefined && task.id === id);
    const ends = own !== undefined && titleOf(entry).endsWith(": ended");
    const begins = entry.from === "debug" && kind === "task" && !ends;
    const group = begins ? undefined : (own ?? tasks.at(-1));
    if (group) group.under.push(entry);
    else {
      const next = { head: entry, under: [], id };
      groups.push(next);
      // A task without an id ends when the agent's next task begins. A job has an id, and a record
      // of its end.
      if (begins && agentId !== null)
        open.set(agentId, [...tasks.filter((task) => task.id !== undefined), next]);
    }
    if (agentId === null) continue;
    if (ends)
      open.set(
        agentId,
        tasks.filter((task) => task !== own),
      );
    if (/^agent\.(stopped|expired)$/.test(titleOf(entry))) open.delete(agentId);
  }
  return groups.flatMap(({ head, under }) => {
    if (under.length === 0) return [{ key: head.key, entry: head, depth: 0 }];
    const isShown = isOpen(head.key);
    const inside = {
      count: under.length,
      failures: under.filter(isFailure).length,
      until: under.at(-1)?.at ?? head.at,
      open: isShown,
    };
    const first: Line = { key: head.key, entry: head, depth: 0, inside };
    return isShown ? [first, ...nested(under)] : [first];
  });
}

/** Gives each line below a task its depth: 1 for a step, and 2 for what follows within the step. */
function nested(under: Entry[]): Line[] {
  let inStep = false;
  return under.map((entry) => {
    const isStep = entry.from === "debug" && entry.kind === "step";
    if (isStep) inStep = true;
    const depth = isStep ? 1 : (depths[entry.kind] ?? (inStep ? 2 : 1));
    return { key: entry.key, entry, depth: Math.max(1, depth) };
  });
}
