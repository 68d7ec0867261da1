import postgres from "postgres";
import type { Logger } from "../log.ts";

const everyMs = 1_000;

/**
 * Does the work of pg_cron's job `mayfly-flush`: each second, it sends the broadcasts that
 * transactions have left. In a project without Mayfly's migrations, there are none.
 *
 * @param url of the superuser.
 * @returns a function that stops it.
 */
export async function keepFlushing(
  url: string,
  log: Logger,
  pauseMs = everyMs,
): Promise<() => Promise<void>> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  const flush = () => sql`select mayfly_private.flush_nudges()`;
  const [row] = await sql`
    select to_regprocedure('mayfly_private.flush_nudges(uuid)') is not null as present`;
  if (!row?.present) {
    await sql.end({ timeout: 1 });
    return async () => {};
  }
  // Flush at once, so that the first requests see that there is a flusher.
  await flush();
  let ended = false;
  let flushing = false;
  const timer = setInterval(async () => {
    // If the database is busy, only one flush waits at a time.
    if (flushing) return;
    flushing = true;
    await flush().catch((error: unknown) => {
      if (!ended) log.debug(`Due nudges were not sent: ${String(error)}`);
    });
    flushing = false;
  }, pauseMs).unref();
  return async () => {
    ended = true;
    clearInterval(timer);
    // Do not wait for a running flush, because it may wait for a statement that runs for minutes.
    await sql.end({ timeout: 0.3 });
  };
}
