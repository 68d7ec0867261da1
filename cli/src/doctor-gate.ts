import type { Connection } from "./connection.ts";
import { type Finding, fine, skipped, warning } from "./finding.ts";
import { codeOf, inMayfly, probe } from "./probe.ts";
import { probeRaw } from "./probe-raw.ts";

/** The function that the Data API calls before every request, as `mayfly.installation` reports it. */
export interface PreRequest {
  /** The name in the setting. */
  function: string;
  /** The function's quoted name. Null if the function does not exist. */
  callable: string | null;
  /** The project's own function, which our wrapper calls after our check. Null if there is none. */
  next: string | null;
  /** The name of the database, if the setting applies only to that one. */
  database: string | null;
}

const gate = "mayfly_gate.check_request";
const wrapper = "mayfly_gate.check_request_and_next";
const reload = "notify pgrst, 'reload config';";
const check = "row estimates";
const path = "/rest/v1/tenants?select=id&limit=1";
const refusedCode = "estimates_refused";
const where = "SECURITY.md, What row estimates tell";
const onlyHosted = "One developer's machine has no tenants to keep apart";

/** Whether the Data API returns the planner's estimates, which include every tenant's rows. */
export async function checkGate(
  connection: Connection,
  set: PreRequest | null,
): Promise<Finding[]> {
  const headers = { ...inMayfly, prefer: "count=planned" };
  const asked = await probe(connection, path, { headers });
  if (asked.reason !== null || (asked.status >= 400 && codeOf(asked) !== refusedCode))
    return [skipped(check, `The Data API did not answer: ${asked.reason ?? asked.status}.`)];
  if (codeOf(asked) !== refusedCode)
    return [
      isOurs(set)
        ? warning(
            check,
            `pgrst.db_pre_request is ${set?.function}, but the Data API does not call it yet.`,
            reload,
            onlyHosted,
          )
        : warning(
            check,
            `The Data API returns row estimates (count=planned), which can tell one tenant whether another exists, and its size (${where}).`,
            `Run this in the SQL editor; it applies to every request of the project: ${switchOn(set)}`,
            onlyHosted,
          ),
    ];
  const passing = await fieldsThatPass(connection);
  if (passing === null) return [skipped(check, "The Data API did not answer.")];
  const how = set ? `pgrst.db_pre_request is ${set.function}` : "It is not set in the database";
  if (passing.length > 0)
    return [
      warning(
        check,
        `The Data API refuses row estimates, but not if the header Prefer is sent twice (${passing.join("; ")}), because the gateway does not join the two.`,
        `Configure the gateway in front of the Data API to join or refuse headers with the same name (${where})`,
        onlyHosted,
      ),
    ];
  return [
    fine(
      check,
      `The Data API refuses them, even if Prefer is sent twice. ${how}. To undo: ${switchOff(set)}`,
    ),
  ];
}

/** Columns that tenants write and for which the planner has statistics. */
export function checkStatistics(columns: string[]): Finding {
  const about = "column statistics";
  if (columns.length === 0)
    return fine(about, "The planner has no statistics about what tenants write.");
  return warning(
    about,
    `The planner has statistics of ${columns.join(", ")}: its estimates tell one tenant what another wrote (${where}).`,
    "As a superuser, run Mayfly's sql/forget_statistics.sql; without one, start with an empty schema (docs/upgrading.md)",
  );
}

const isOurs = (set: PreRequest | null) => set?.function.startsWith("mayfly_gate.") === true;

const roleIn = (set: PreRequest | null) =>
  set?.database ? `authenticator in database "${set.database}"` : "authenticator";

/**
 * The statement that switches our check on. If another function was set before, that function runs
 * after our check.
 */
export function switchOn(set: PreRequest | null): string {
  const to = (name: string) =>
    `alter role ${roleIn(set)} set pgrst.db_pre_request = '${name}'; ${reload}`;
  if (!set?.callable || isOurs(set)) return to(gate);
  return [
    `create or replace function ${wrapper}() returns void language sql begin atomic`,
    `select ${gate}(); select ${set.callable}(); end;`,
    to(wrapper),
  ].join(" ");
}

/** The statement that switches our check off, which is also the first step of removing Mayfly. */
export function switchOff(set: PreRequest | null): string {
  const before = isOurs(set) ? set?.next : null;
  return before
    ? `alter role ${roleIn(set)} set pgrst.db_pre_request = '${before}'; ${reload}`
    : `alter role ${roleIn(set)} reset pgrst.db_pre_request; ${reload}`;
}

/**
 * Returns the header fields that get past the check. If several fields have the same name, the Data
 * API reads all of them, but the function that it calls sees only one. So both orders are tried.
 */
async function fieldsThatPass(connection: Connection): Promise<string[] | null> {
  const pairs = [
    ["count=planned", "timezone=UTC"],
    ["timezone=UTC", "count=planned"],
  ];
  try {
    const answers = await Promise.all(
      pairs.map((prefer) => probeRaw(connection, path, { ...inMayfly, prefer })),
    );
    if (answers.some(({ status }) => status >= 500)) return null;
    return pairs.flatMap((pair, index) =>
      (answers[index]?.status ?? 0) < 400
        ? [pair.map((value) => `Prefer: ${value}`).join(", ")]
        : [],
    );
  } catch {
    return null;
  }
}
