import postgres from "postgres";
import type { Logger } from "../log.ts";

const everyMs = 1_000;

/**
 * What pg_cron's job `mayfly-flush` does on a project: each second it tells what transactions have left
 * to be broadcast. A project of other migrations has nothing to tell.
 *
 * @param url of the superuser.
 * @returns ends it.
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
  // The first requests find that somebody flushes.
  await flush();
  let ended = false;
  let flushing = false;
  const timer = setInterval(async () => {
    // Where the database is busy, one waits at a time.
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
    // Not what is under way: it may wait behind a statement that runs for minutes.
    await sql.end({ timeout: 0.3 });
  };
}
