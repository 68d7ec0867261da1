/**
 * The clock by which Mayfly judges ages, lifetimes and leases. A test moves the clock instead of
 * ageing rows by hand.
 */
import type { Sql } from "postgres";

export interface Clock {
  /**
   * Moves the clock ahead by a Postgres interval such as "10 minutes". Tokens, and the processes
   * around the database, still use the machine's time.
   */
  advance(interval: string): Promise<void>;
  /**
   * Stops the clock. Then only `advance` moves it, and no window of a second or a minute ends on
   * its own.
   */
  freeze(): Promise<void>;
  /** Lets the clock run again. */
  thaw(): Promise<void>;
}

/** @param sql a connection as a superuser, who owns the clock and the tables. */
export function clockOf(sql: Sql): Clock {
  const running = "pg_catalog.clock_timestamp()";
  let from = running;
  let ahead = "0";
  let replaced = false;

  const replace = async () => {
    await sql.unsafe(`
      create or replace function mayfly_private.now()
      returns timestamptz language plpgsql volatile parallel safe set search_path = ''
      as $clock$ begin return ${from} + interval '${ahead}'; end $clock$`);
    if (replaced) return;
    replaced = true;
    // Rows that are stored from now on have this clock's time, too.
    const defaults = await sql<{ statement: string }[]>`
      select format('alter table %s alter column %I set default mayfly_private.now()', d.adrelid::regclass, a.attname) as statement
      from pg_attrdef d
      join pg_class c on c.oid = d.adrelid
      join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where c.relnamespace in ('mayfly'::regnamespace, 'mayfly_private'::regnamespace)
        and pg_get_expr(d.adbin, d.adrelid) in ('now()', 'clock_timestamp()')`;
    for (const { statement } of defaults) await sql.unsafe(statement);
  };

  return {
    async advance(interval) {
      const [row] = await sql`select (${interval}::interval + ${ahead}::interval)::text as ahead`;
      ahead = row?.ahead as string;
      await replace();
    },
    async freeze() {
      const [row] = await sql`select clock_timestamp()::text as at`;
      from = `timestamptz '${row?.at}'`;
      await replace();
    },
    async thaw() {
      from = running;
      await replace();
    },
  };
}
