import type { MayflyError } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { printable } from "../../parts/text.ts";

export interface Check {
  name: string;
  state: "running" | "ok" | "warning" | "error";
  ms: number | null;
  message: string | null;
  /** What to do about it. */
  todo: string | null;
}

interface Outcome {
  error: MayflyError | null;
  /** Works, and yet. */
  warning?: string;
  todo?: string;
}

/** Slower than this is worth a look. */
const slowMs = 2_000;

/** Runs every check at once, and shows each as it ends. */
export async function checksOf(space: Space, show: (checks: Check[]) => void): Promise<void> {
  const checks = Object.entries(ways(space)).map(([name, run]) => ({ name, run }));
  const shown: Check[] = checks.map(({ name }) => ({
    ...{ name, state: "running" as const, ms: null, message: null, todo: null },
  }));
  show([...shown]);
  await Promise.all(
    checks.map(async ({ name, run }, at) => {
      const began = performance.now();
      const outcome = await run();
      shown[at] = checkOf(name, outcome, performance.now() - began);
      show([...shown]);
    }),
  );
}

function checkOf(name: string, { error, warning, todo }: Outcome, ms: number): Check {
  if (error)
    return {
      ...{ name, state: "error", ms },
      message: printable(error.message),
      todo: error.hint && printable(error.hint),
    };
  if (warning) return { name, state: "warning", ms, message: warning, todo: todo ?? null };
  if (ms > slowMs)
    return {
      ...{ name, state: "warning", ms },
      message: "It answers, slowly.",
      todo: "Look again: a function that starts takes longer once.",
    };
  return { name, state: "ok", ms, message: null, todo: null };
}

function ways(space: Space): Record<string, () => Promise<Outcome>> {
  const { mayfly, may, events } = space;
  return {
    "Data API": async () => ({ error: (await mayfly.tenants.usage()).error }),
    "Function query": async () => {
      if (!may("memory:read")) return { error: null, warning: "Your role may not recall." };
      const { error } = await mayfly.memory.recall("is it well?", { limit: 1 });
      return { error };
    },
    Realtime: async () => {
      if (!may("presence:read")) return { error: null, warning: "Your role may not see presence." };
      const { data: stop, error } = await mayfly.agents.watch(() => {});
      await stop?.();
      return { error };
    },
    "The log": async () => {
      const { at, message } = events.state.value;
      if (at === "live" || at === "starting") return { error: null };
      return {
        error: null,
        warning: message ?? "It is behind.",
        todo: "The page catches up by itself; it misses nothing.",
      };
    },
    Maintenance: async () => {
      const { data, error } = await mayfly.agents.list({ since: new Date(), limit: 1_000 });
      if (error) return { error };
      // A minute is how often maintenance runs; five are five missed.
      const late = Date.now() - 300_000;
      const overdue = data.filter(
        ({ status, expiresAt }) => status === "running" && expiresAt.getTime() < late,
      );
      return overdue.length === 0
        ? { error: null }
        : {
            error: null,
            warning: `${overdue.length} agents have expired and nobody has said so.`,
            todo: "Enable pg_cron, or call mayfly.tenants.maintain() every minute.",
          };
    },
  };
}
