import postgres, { type Sql } from "postgres";
import type { Logger } from "../log.ts";

/** As often as autovacuum looks. */
const everyMs = 60_000;

/**
 * What autovacuum does for a Postgres and nobody for PGlite: gathers statistics of tables that have
 * changed. Without them an inbox of 10,000 messages was read in 264 ms, with them in 6.
 *
 * @param url of the superuser.
 * @returns ends it.
 */
export function keepStatistics(url: string, log: Logger, pauseMs = everyMs): () => Promise<void> {
  // Between two looks it holds no connection.
  const sql = postgres(url, { max: 1, idle_timeout: 1, onnotice: () => {} });
  let looking = false;
  let ended = false;
  const look = async () => {
    // Where the database is busy, one waits at a time.
    if (looking) return;
    looking = true;
    await analyzeChanged(sql).catch((error: unknown) => {
      if (!ended) log.debug(`Statistics could not be gathered: ${String(error)}`);
    });
    looking = false;
  };
  const timer = setInterval(look, pauseMs).unref();
  return async () => {
    ended = true;
    clearInterval(timer);
    // Not what is under way: it may wait behind a statement that runs for minutes.
    await sql.end({ timeout: 0.3 });
  };
}

/**
 * Analyzes what autovacuum would by its default thresholds, and what is large and never was analyzed:
 * a crash forgets how much has changed. 9,000 memories take 0.1 s.
 *
 * @returns the tables, schema and name.
 */
export async function analyzeChanged(sql: Sql): Promise<string[]> {
  // What all clients have done is counted by the one backend that they share, up to a second late.
  await sql`select pg_stat_force_next_flush()`;
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', s.schemaname, s.relname) as name
    from pg_stat_all_tables s join pg_class c on c.oid = s.relid
    where c.relkind = 'r'
      and (s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)
        or (c.reltuples < 0 and pg_relation_size(c.oid) > 10 * 8192))
    order by 1`;
  for (const { name } of tables) await sql.unsafe(`analyze ${name}`);
  return tables.map(({ name }) => name);
}
