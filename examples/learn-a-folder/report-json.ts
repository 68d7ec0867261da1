import { learnedOf } from "./reader.ts";
import type { Outcome, Report } from "./report.ts";

/** Prints nothing until the end, and then everything as one object. */
export function jsonReport(write: (text: string) => void): Report {
  const silent = () => {};
  return {
    starting: silent,
    connected: silent,
    scanned: silent,
    learning: silent,
    progress: silent,
    alive: silent,
    noPresence: silent,
    modelFailed: silent,
    learned: silent,
    newcomer: silent,
    answer: silent,
    finished: (outcome) => write(`${JSON.stringify(toJson(outcome), null, 2)}\n`),
  };
}

function toJson(outcome: Outcome) {
  const { place, tenant, found, lesson } = outcome;
  return {
    folder: outcome.folder,
    supabase: place ? { url: place.url, how: place.supabase, ms: Math.round(place.ms) } : null,
    tenant: tenant ?? null,
    files: found
      ? {
          found: found.files.length,
          read: lesson?.tally.files ?? null,
          bytes: lesson?.tally.bytes ?? null,
          skipped: Object.fromEntries(found.skipped),
        }
      : null,
    agents: outcome.members.map(({ id, name, role, spawnedAt, endedAt, files, episodes }) => ({
      id,
      name,
      role,
      spawnedAt,
      endedAt,
      ...(role === "reader" ? { files, episodes } : {}),
    })),
    seenAlive: lesson?.seenAlive ?? null,
    episodes: lesson
      ? {
          learned: learnedOf(lesson.tally),
          new: lesson.tally.added,
          changed: lesson.tally.changed,
          moved: lesson.tally.moved,
          removed: lesson.tally.removed,
          unchanged: lesson.tally.unchanged,
          refused: lesson.tally.refused,
          remembered: lesson.total,
        }
      : null,
    answers: outcome.answers,
    model: outcome.thinking && {
      name: outcome.thinking.name,
      calls: outcome.thinking.calls,
      tokens: outcome.thinking.tokens,
      summaries: lesson?.tally.summaries ?? 0,
    },
    seconds: Math.round(outcome.ms) / 1000,
    interrupted: outcome.interrupted,
    error: outcome.error,
  };
}
