/** An embedded Supabase of its own for a test file, from the template. */

import { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { type Local, type LocalOptions, startLocal } from "../../local/src/index.ts";
import { makeTenant, type Sql } from "./callers.ts";
import { type Clock, clockOf } from "./clock.ts";
import { openPostgresDatabase } from "./database.ts";
import { isKept, keepPglite } from "./keep.ts";
import { watchForSecrets } from "./leaks.ts";
import { silent } from "./log.ts";
import { databaseUrl } from "./needs.ts";
import { readTemplate } from "./template.ts";

export interface TestLocal extends Local, Clock {
  /** As the superuser. */
  sql: Sql;
  /** A new tenant, and Mayfly as the secret key in it. */
  enter(settings?: Record<string, unknown>): Promise<{ tenant: string; mayfly: Mayfly }>;
}

export interface TestLocalOptions extends Partial<LocalOptions> {
  /**
   * Its database is PGlite. By default it is a real Postgres 17 where there is one, unless there are `data` or
   * `keys`: requests that come together then run together, and SQL takes a fraction of the time.
   */
  embedded?: boolean;
}

export async function startTestLocal({
  embedded = !databaseUrl,
  ...options
}: TestLocalOptions = {}): Promise<TestLocal> {
  const { database, keys } = await readTemplate();
  // Passwords belong to a whole cluster.
  const isOwn = embedded || options.dbUrl || options.data || options.keys || options.template;
  const real = isOwn ? undefined : await openPostgresDatabase();
  const { log, check } = watchForSecrets(options.log ?? silent, options.keys ?? keys);
  const local = await startLocal({
    ...(real ? { dbUrl: real.url } : { template: database }),
    keys,
    port: 0,
    // As on hosted projects: who acts on a broadcast may find nothing yet.
    broadcastLeadMs: 70,
    ...options,
    // Not the server's 5 s and 2 s, which its own tests have.
    limits: { joinErrorBackoffMs: 50, connectErrorBackoffMs: 50, ...options.limits },
    log,
  });
  const admin = real?.url ?? local.dbUrl.replace("//postgres:", "//supabase_admin:");
  const sql = postgres(admin, { max: 3, onnotice: () => {} });
  return {
    ...local,
    ...clockOf(sql),
    sql,
    async enter(settings) {
      const tenant = await makeTenant(sql, settings);
      return { tenant, mayfly: new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant }) };
    },
    async close() {
      await sql.end({ timeout: 1 });
      const isPglite = !real && !options.dbUrl;
      const kept = isKept() && isPglite ? await local.dump().catch(() => null) : null;
      await local.close();
      await real?.close();
      if (kept) await keepPglite(kept, local.keys);
      check();
    },
  };
}
