import type { Connection } from "./connection.ts";
import { enter } from "./entry.ts";
import { type Finding, fine, skipped, wrong } from "./finding.ts";

const order = ["url", "key", "schema", "migrations"] as const;
const passed = {
  url: "The project answers.",
  key: "The secret key is accepted.",
  schema: "The schema mayfly is exposed.",
};
/** For each reason why the CLI could not enter the project, the check that failed first. */
const stops = {
  unreachable: "url",
  not_supabase: "url",
  key_refused: "key",
  schema_not_exposed: "schema",
  not_installed: "migrations",
  failed: "schema",
} as const;
/** The check to fix first. */
export type Stop = (typeof stops)[keyof typeof stops];

/** Whether the project can be reached, accepts the key, exposes the schema and has the tables. */
export async function checkEntry(
  connection: Connection,
): Promise<{ findings: Finding[]; stop: Stop | null }> {
  const entry = await enter(connection);
  if (entry.at === "inside") {
    const findings = (["url", "key", "schema"] as const).map((check) => fine(check, passed[check]));
    return { findings, stop: null };
  }
  const stop = stops[entry.at];
  const findings = order.map((check, place) => {
    if (check === stop) return wrong(check, entry.message, entry.hint);
    if (place > order.indexOf(stop)) return skipped(check, `Skipped until the ${stop} is fixed.`);
    return fine(check, passed[check as keyof typeof passed]);
  });
  return { findings, stop };
}
