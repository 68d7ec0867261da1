import { type Finding, fine, warning } from "./finding.ts";

/** What mayfly.installation says about broadcasts. */
export interface Broadcasts {
  /** Whether a flusher sends due broadcasts. */
  flushed: boolean;
  due: number;
  /**
   * How many tenants lost broadcasts in the last ten minutes, and when the last loss was. `at` is
   * null if there was none.
   */
  lost: { tenants: number; at: string | null };
}

const check = "broadcasts";

/** Whether readers noticed lost broadcasts, and whether due broadcasts are sent. */
export function checkBroadcasts({ flushed, due, lost }: Broadcasts, scheduled: boolean): Finding[] {
  const findings: Finding[] = [];
  if (lost.tenants > 0)
    findings.push(
      warning(
        check,
        lossOf(lost),
        "Raise the project's messages per second (Realtime → Settings), or lower what one tenant may send: update mayfly_private.settings set announce_rate = 20;",
      ),
    );
  if (!flushed && scheduled)
    findings.push(
      warning(
        check,
        `mayfly-flush is scheduled but does not run: ${due} broadcasts are waiting, and each write sends its own.`,
        "select * from cron.job_run_details order by start_time desc limit 20; in the SQL editor shows why",
      ),
    );
  if (findings.length > 0) return findings;
  const how = flushed
    ? "Writes within one second share one broadcast."
    : "Each write sends its own broadcast, because there is no pg_cron to batch them.";
  return [fine(check, `No reader noticed a lost broadcast. ${how}`)];
}

export const lossOf = ({ tenants, at }: Broadcasts["lost"]): string =>
  `Readers of ${tenants === 1 ? "one tenant" : `${tenants} tenants`} noticed lost broadcasts, last at ${at}: the project sends more than its plan allows. They poll every second, so nothing durable is lost.`;
