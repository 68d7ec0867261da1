import type { Agent, ListOptions, Mayfly, MemoryPage } from "@mayfly/sdk";
import type { Known } from "./compare.ts";
import { toKnown } from "./episode.ts";
import { dataOf, Failure, until, within } from "./failure.ts";
import { addTally, emptyTally, readShare } from "./reader.ts";
import type { Lesson, Report } from "./report.ts";
import type { Scan } from "./scan.ts";
import { shareOut } from "./share.ts";
import type { Team } from "./team.ts";
import type { Thinking } from "./thinking.ts";

export interface Learning {
  folder: string;
  tag: string;
  found: Scan;
  mayfly: Mayfly;
  agents: number;
  lifetime: number;
  team: Team;
  report: Report;
  signal: AbortSignal;
  thinking: Thinking | null;
}

const PAGE = 500;
const CLOSE_MS = 2000;
/** The lead lives longer than its readers, but not longer than a tenant allows by default. */
const LEAD_LIFETIME = 900;

/** Has a team learn the folder. Its readers start, push what they have learned, and end. */
export async function learn(learning: Learning): Promise<Lesson> {
  const { team, report, found } = learning;
  const tally = emptyTally();
  const lead = await team.spawn("lead", LEAD_LIFETIME, "Share out the files and watch the readers");
  const presence = await watch(learning);
  const known = await knownOf(lead, learning);
  if (found.files.length === 0 && known.size === 0) {
    const message = `There is nothing to learn in ${learning.folder}: it has no text file${found.skipped.size > 0 ? " that may be read" : ""}.`;
    throw new Failure(message, { code: "usage", exitCode: 2 });
  }
  const shares = shareOut(found.files, learning.agents);
  report.learning({
    readers: shares.length,
    lifetime: learning.lifetime,
    files: found.files.length,
  });

  const stop = new AbortController();
  const signal = AbortSignal.any([learning.signal, stop.signal]);
  const readers = shares.map(async (files) => {
    try {
      await readShare({
        ...learning,
        files,
        known,
        knownNow: (agent) => knownOf(agent, learning),
        signal,
        onProgress: (done) => {
          addTally(tally, done);
          report.progress(tally, found.files.length);
        },
        onPresenceError: (message) => report.noPresence(message),
      });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  const failed = (await Promise.allSettled(readers)).find((one) => one.status === "rejected");
  if (failed) throw learning.signal.aborted ? learning.signal.reason : signal.reason;

  tally.removed += await forgetVanished(lead, known, learning);
  await within(CLOSE_MS, presence.stop());
  await team.end(lead, "everything is learned");
  const before = [...known.values()].flat().filter(({ summary }) => !summary).length;
  return {
    tally,
    again: before > 0,
    total: before + tally.added - tally.removed - tally.refused,
    seenAlive: presence.most(),
  };
}

/** Shows which readers are alive. Presence also has the tenant's other agents, and may still have ended readers. */
async function watch({ mayfly, team, report, signal }: Learning) {
  let most: number | null = null;
  const watching = mayfly.agents.watch((present) => {
    const living = team.members.filter(({ role, endedAt }) => role === "reader" && !endedAt);
    const own = new Set(living.map(({ id }) => id));
    const readers = present.filter(({ id }) => own.has(id));
    most = Math.max(most ?? 0, readers.length);
    report.alive(readers);
  });
  const { data: stop, error } = await until(signal, watching);
  if (error) report.noPresence(error.message);
  return { stop: async () => stop?.(), most: () => most };
}

async function knownOf(agent: Agent, learning: Learning): Promise<Map<string, Known[]>> {
  const known = new Map<string, Known[]>();
  let after: string | null = null;
  do {
    const page: ListOptions = { tags: [learning.tag], limit: PAGE, ...(after && { after }) };
    const { memories, next }: MemoryPage = dataOf(
      "Asking what is remembered of the folder failed",
      await until(learning.signal, agent.memory.list(page)),
    );
    for (const memory of memories) {
      const one = toKnown(memory);
      if (!one) continue;
      const ofFile = known.get(one.path);
      if (ofFile) ofFile.push(one);
      else known.set(one.path, [one]);
    }
    after = next;
  } while (after !== null);
  return known;
}

/** Forgets files that no longer exist. Files that could not be read are kept. */
async function forgetVanished(
  lead: Agent,
  known: ReadonlyMap<string, Known[]>,
  { found, signal }: Learning,
): Promise<number> {
  const there = new Set(found.files.map((file) => file.path));
  const unknown = (path: string) =>
    found.unreadable.some((one) => path === one || path.startsWith(`${one}/`) || one === "");
  const gone = [...known].filter(([path]) => !there.has(path) && !unknown(path));
  const memories = gone.flatMap(([, sections]) => sections);
  if (memories.length === 0) return 0;
  for (const { id } of memories) dataOf("Forgetting failed", await lead.memory.forget(id));
  dataOf("Forgetting what is gone failed", await until(signal, lead.sync({ pull: false })));
  return memories.filter(({ summary }) => !summary).length;
}
