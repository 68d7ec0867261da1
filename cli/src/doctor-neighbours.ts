import { disconnect } from "@mayfly/sdk/internal";
import { createClient } from "@supabase/supabase-js";
import type { Connection } from "./connection.ts";
import { type Finding, fine, skipped, warning } from "./finding.ts";

/** The longest time, in seconds, that a read of one tenant should keep other tenants waiting. */
const most = 3;
const statement = `alter role authenticated set statement_timeout = '${most}s'; notify pgrst, 'reload config';`;

/** How long a signed-in caller may keep a connection of the Data API, which all tenants share. */
export function checkTimeouts(timeouts: Record<string, string | null>): Finding {
  const check = "read timeout";
  const set = timeouts.authenticated ?? null;
  const seconds = set === null ? null : secondsOf(set);
  if (seconds !== null && seconds > 0 && seconds <= most)
    return fine(check, `A signed-in caller's statement is cancelled after ${set}.`);
  const now = set === null || seconds === 0 ? "has no limit of its own" : `may take ${set}`;
  return warning(
    check,
    `A signed-in caller's statement ${now}: agents of one tenant can keep others waiting with slow reads (SECURITY.md, Noisy neighbours).`,
    `If nothing in your project needs longer, run in the SQL editor: ${statement}`,
    "Nobody else waits on this machine",
  );
}

/**
 * Converts a length of time, as Postgres writes it, to seconds. Without a unit, Postgres means
 * milliseconds.
 */
function secondsOf(text: string): number | null {
  const [, amount, unit = "ms"] = /^'?\s*([\d.]+)\s*(us|ms|s|min|h|d)?\s*'?$/.exec(text) ?? [];
  const units: Record<string, number> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
  return amount === undefined ? null : Number(amount) * (units[unit] ?? Number.NaN);
}

const timeoutMs = 15_000;

/** Whether anybody with the publishable key can join channels without a policy. */
export async function checkPublicChannels({
  url,
  key,
}: Pick<Connection, "url" | "key">): Promise<Finding> {
  const check = "public channels";
  const client = createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  try {
    const problem = await new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      client.channel("mayfly:doctor:public").subscribe((status, error) => {
        clearTimeout(timer);
        resolve(status === "SUBSCRIBED" ? null : (error?.message ?? status.toLowerCase()));
      });
    });
    if (problem === null)
      return warning(
        check,
        "Anybody with the publishable key can join public channels. 200 such sockets fill the Free plan, and then no agent can connect (SECURITY.md, Noisy neighbours).",
        "If your project uses only private channels, like Mayfly, switch off Realtime → Settings → Allow public access",
        "Nobody else can reach this machine",
      );
    if (problem.includes("PrivateOnly"))
      return fine(check, "Realtime allows only private channels.");
    return skipped(check, `The check failed: ${problem}.`);
  } finally {
    await client.removeAllChannels();
    await disconnect(client);
  }
}
