import type { MayflyError } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { plural, printable } from "../../parts/text.ts";

export interface Check {
  name: string;
  /** What the check is about. */
  about: string;
  /** `skipped` if the person may not check it. */
  state: "running" | "ok" | "skipped" | "warning" | "error";
  ms: number | null;
  message: string | null;
  /** What to do about it. */
  todo: string | null;
}

interface Outcome {
  error: MayflyError | null;
  /** Why the person may not check it. */
  skipped?: string;
  /** Set if the part answers, but something should be looked at. */
  warning?: string;
  todo?: string;
}

/** A check that is slower than this gets a warning. */
const slowMs = 2_000;

/** Runs all of these checks at the same time, and shows each result when its check ends. */
export async function runChecks(
  space: Space,
  ways: readonly Way[],
  show: (checks: Check[]) => void,
): Promise<void> {
  const shown: Check[] = ways.map(({ name, about }) => ({
    ...{ name, about, state: "running" as const, ms: null, message: null, todo: null },
  }));
  show([...shown]);
  await Promise.all(
    ways.map(async (way, at) => {
      const began = performance.now();
      const outcome = await way.run(space);
      shown[at] = checkOf(way, outcome, performance.now() - began);
      show([...shown]);
    }),
  );
}

function checkOf({ name, about }: Way, outcome: Outcome, ms: number): Check {
  const { error, skipped, warning, todo } = outcome;
  const own = { name, about, ms };
  if (error)
    return {
      ...{ ...own, state: "error", message: printable(error.message) },
      todo: error.hint && printable(error.hint),
    };
  if (skipped) return { ...own, ms: null, state: "skipped", message: skipped, todo: null };
  if (warning) return { ...own, state: "warning", message: warning, todo: todo ?? null };
  if (ms > slowMs)
    return {
      ...{ ...own, state: "warning", message: "It answers, slowly." },
      todo: "Check again. The first call of a function takes longer.",
    };
  return { ...own, state: "ok", message: null, todo: null };
}

/** A check that can be run. */
export interface Way {
  name: string;
  about: string;
  run(space: Space): Promise<Outcome>;
}

const lateMs = 300_000;

/** The checks that change nothing. */
export const looks: readonly Way[] = [
  {
    name: "Data API",
    about: "Whether the database answers, and the schema mayfly is exposed.",
    run: async ({ mayfly }) => ({ error: (await mayfly.tenants.usage()).error }),
  },
  {
    name: "Function query",
    about: "Whether the function that recalls memories is deployed and answers.",
    run: async ({ mayfly, may }) => {
      if (!may("memory:read")) return { error: null, skipped: "Your role may not recall." };
      const { error } = await mayfly.memory.recall("Does it work?", { limit: 1 });
      return { error };
    },
  },
  {
    name: "Realtime",
    about: "Whether a private channel can be joined.",
    run: async ({ mayfly, may }) => {
      if (!may("presence:read")) return { error: null, skipped: "Your role may not see presence." };
      const { data: stop, error } = await mayfly.agents.watch(() => {});
      await stop?.();
      return { error };
    },
  },
  {
    name: "The log",
    about: "Whether this page has everything that happens.",
    run: async ({ events }) => {
      const { at, message } = events.state.value;
      if (at === "live" || at === "starting") return { error: null };
      return {
        error: null,
        warning: message ?? "The page is behind.",
        todo: "The page catches up on its own and misses nothing.",
      };
    },
  },
  {
    name: "Maintenance",
    about: "Whether agents that have expired are marked within minutes.",
    run: async ({ mayfly }) => {
      const { data, error } = await mayfly.agents.list({ since: new Date(), limit: 1_000 });
      if (error) return { error };
      // Maintenance should run every minute. If it last ran five minutes ago, it has been missed
      // five times.
      const late = Date.now() - lateMs;
      const overdue = data.filter(
        ({ status, expiresAt }) => status === "running" && expiresAt.getTime() < late,
      );
      return overdue.length === 0
        ? { error: null }
        : {
            error: null,
            warning: `Not marked yet: ${plural(overdue.length, "expired agent")}.`,
            todo: "Enable pg_cron, or call mayfly.tenants.maintain() every minute.",
          };
    },
  },
  {
    name: "Embeddings",
    about: "Whether memories have vectors, so that they are found by meaning.",
    run: async ({ mayfly, may }) => {
      if (!may("memory:read")) return { error: null, skipped: "Your role may not read memories." };
      const { data, error } = await mayfly.memory.statistics();
      if (error) return { error };
      return data.withoutVector <= data.lastHour
        ? { error: null }
        : {
            error: null,
            warning: `Without a vector: ${plural(data.withoutVector, "memory", "memories")}.`,
            todo: "Maintenance embeds them. If the number stays, look at the logs of the function sync.",
          };
    },
  },
  {
    name: "Workers",
    about: "Whether jobs that are ready are taken.",
    run: async ({ mayfly, may }) => {
      if (!may("job:read")) return { error: null, skipped: "Your role may not read jobs." };
      const { data, error } = await mayfly.jobs.statistics();
      if (error) return { error };
      const late = data.filter(
        ({ oldestReady, limits }) =>
          !limits.paused && oldestReady && oldestReady.getTime() < Date.now() - lateMs,
      );
      return late.length === 0
        ? { error: null }
        : {
            error: null,
            warning: `Jobs wait for more than five minutes: ${late.map(({ queue }) => printable(queue)).join(", ")}.`,
            todo: "Start a worker that has a handler for them, or raise the limits of the queue.",
          };
    },
  },
];

/** Spawns an agent for a moment, to show that tokens are signed with the project's key. */
export const spawning: Way = {
  name: "Spawning",
  about: "Whether an agent can be spawned, its token is accepted, and it can be stopped.",
  run: async ({ mayfly }) => {
    const { data: agent, error } = await mayfly.spawn({
      ...{ name: "doctor", type: "doctor", lifetime: 60, scopes: ["memory:read"], renew: false },
    });
    if (error) return { error };
    const recalled = await agent.recall("Does it work?", { limit: 1 });
    const stopped = await agent.stop("The check is over.");
    return { error: recalled.error ?? stopped.error };
  },
};
