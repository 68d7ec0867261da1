import { type Entry, titleOf } from "./entry.ts";

/** A line as it is drawn: how deep, and, of a task, what is under it. */
export interface Line {
  key: string;
  entry: Entry;
  depth: number;
  /** Of one that has others under it. */
  inside?: { count: number; failures: number; until: number; open: boolean };
}

const depths: Record<string, number> = { task: 0, step: 1 };

interface Group {
  head: Entry;
  under: Entry[];
  /** Of a job: what its records name. */
  id: unknown;
}

/** The id that a record of the SDK names, such as that of the job it is about. */
const idOf = (entry: Entry): unknown =>
  entry.from === "debug" ? (entry.record.data as { id?: unknown } | null)?.id : undefined;

/**
 * Under each task of an agent what it did until its next one: steps, and under them tools and the rest.
 * What an agent does before its first task stands by itself. In the order of when each began.
 */
export function grouped(
  entries: Entry[],
  isOpen: (key: string) => boolean,
  isFailure: (entry: Entry) => boolean,
): Line[] {
  const groups: Group[] = [];
  /** The tasks of each agent that have not ended, the newest last. */
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
      // A task of the agent's own ends with the next one; a job by itself.
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

/** Steps at the first depth, and what comes in them below. */
function nested(under: Entry[]): Line[] {
  let inStep = false;
  return under.map((entry) => {
    const isStep = entry.from === "debug" && entry.kind === "step";
    if (isStep) inStep = true;
    const depth = isStep ? 1 : (depths[entry.kind] ?? (inStep ? 2 : 1));
    return { key: entry.key, entry, depth: Math.max(1, depth) };
  });
}
