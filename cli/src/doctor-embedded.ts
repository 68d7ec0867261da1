import { type Finding, skipped } from "./finding.ts";

/**
 * The checks that matter only for a hosted project, and why a developer's machine does not need
 * them.
 */
const hosted: Record<string, string> = {
  "row estimates": "One developer's machine has no tenants to keep apart",
  "read timeout": "Nobody else waits on this machine",
  pg_cron: "The embedded Supabase does not have it",
  pg_net: "The embedded Supabase does not have it",
  "public channels": "Nobody else can reach this machine",
};

/**
 * Adapts a finding to the embedded Supabase, which has no dashboard and does not need deploying.
 *
 * @param start the command that starts it.
 */
export function forEmbedded(finding: Finding, start: string): Finding {
  const { check, state, mend } = finding;
  const reason = hosted[check];
  if (state === "warning" && reason)
    return skipped(check, `${reason}. Check it on your hosted project.`);
  if (mend === null) return finding;
  const again = `stop it and start it again: ${start}`;
  if (check === "schema" && mend.includes("Exposed schemas"))
    return { ...finding, mend: `Add mayfly to schemas of [api] in supabase/config.toml, ${again}` };
  if (check === "migrations" && mend.includes("db push"))
    return mend.includes("drop schema")
      ? {
          ...finding,
          mend: `Erase its data with its folder .mayfly, while it is stopped: ${start}`,
        }
      : { ...finding, mend: `Add or renew Mayfly with npx mayfly init, ${again}` };
  if (check.startsWith("function ") || mend.includes("functions deploy"))
    return {
      ...finding,
      mend: `What ${start} prints has the reason. To add or renew the functions: npx mayfly init`,
    };
  if (mend.includes("MAYFLY_SIGNING_KEY"))
    return {
      ...finding,
      mend: `Remove MAYFLY_SIGNING_KEY from supabase/functions/.env, because it has its own, and ${again}`,
    };
  return {
    ...finding,
    mend: mend.replace(
      "The logs have the reason (Logs → Postgres)",
      `What ${start} prints has the reason`,
    ),
  };
}
