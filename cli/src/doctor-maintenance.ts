import { type Finding, fine, warning, wrong } from "./finding.ts";
import { duration, printable } from "./format-values.ts";

/** What mayfly.installation says about maintenance. */
export interface Maintenance {
  /**
   * When maintenance last handled the tenant that has waited longest for it. Null if there are no
   * tenants.
   */
  oldest: string | null;
  failing: { tenant_id: string; failures: number; since: string; error: string }[];
}

/** pg_cron handles every tenant each minute. */
const behindAfterMs = 3_600_000;

/** Tenants for which maintenance fails, and whether pg_cron keeps up. */
export function checkMaintenance(
  { oldest, failing }: Maintenance,
  scheduled: boolean,
  now: number,
): Finding[] {
  const check = "maintenance";
  const findings = failing.map(({ tenant_id, failures, since, error }) =>
    wrong(
      check,
      `It has failed ${failures === 1 ? "once" : `${failures} times`} for the tenant ${tenant_id}, since ${since}: ${printable(error)}.`,
      `select mayfly_private.maintain_tenant('${tenant_id}', 1000); in the SQL editor shows where. Other tenants are still maintained`,
    ),
  );
  const waited = oldest === null ? 0 : now - Date.parse(oldest);
  if (scheduled && waited > behindAfterMs)
    findings.push(
      warning(
        check,
        `A tenant has waited for it for ${duration(waited)}.`,
        "select * from cron.job_run_details order by start_time desc limit 20; in the SQL editor shows whether mayfly-maintain runs",
      ),
    );
  if (findings.length > 0) return findings;
  if (scheduled) return [fine(check, "It runs for every tenant.")];
  const longest = oldest === null ? "" : ` A tenant has waited for ${duration(waited)}.`;
  return [
    fine(check, `Without pg_cron, it runs when mayfly.tenants.maintain() is called.${longest}`),
  ];
}
