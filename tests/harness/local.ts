/** A separate embedded Supabase for a test file, made from the template. */

import { Mayfly, type MayflyOptions } from "@mayfly/sdk";
import postgres from "postgres";
import { type Local, type LocalOptions, startLocal } from "../../local/src/index.ts";
import { createTokens } from "../../local/src/tokens.ts";
import { type Claims, inSeconds, makePerson, makeTenant, type Sql } from "./callers.ts";
import { type Clock, clockOf } from "./clock.ts";
import { openPostgresDatabase } from "./database.ts";
import { isKept, keepPglite } from "./keep.ts";
import { watchForSecrets } from "./leaks.ts";
import { silent } from "./log.ts";
import { databaseUrl } from "./needs.ts";
import { readKeys, readTemplate } from "./template.ts";

export { createTokens } from "../../local/src/tokens.ts";

export interface TestLocal extends Local, Clock {
  /** As the superuser. */
  sql: Sql;
  /** A new tenant, and Mayfly as the secret key in it. */
  enter(settings?: Record<string, unknown>): Promise<{ tenant: string; mayfly: Mayfly }>;
}

/** The claims of a new person with these roles by tenant, as the project's Auth would sign them. */
export const personOf = async (
  { sql, apiUrl }: TestLocal,
  roles: Record<string, string>,
): Promise<Claims> => ({
  ...(await makePerson(sql, roles)),
  ...{ iss: `${apiUrl}/auth/v1`, exp: inSeconds(600) },
});

/** A token of the project with these claims. */
export const tokenOf = async ({ keys }: Pick<Local, "keys">, claims: Claims): Promise<string> =>
  (await createTokens(keys)).sign(claims);

/** The token of a new person with this role in a tenant. */
export const signIn = async (local: TestLocal, tenant: string, role: string): Promise<string> =>
  tokenOf(local, await personOf(local, { [tenant]: role }));

/** Mayfly as the person, OAuth client or agent with this token. */
export const mayflyWith = (
  { apiUrl: url, publishableKey: key }: Local,
  token: string,
  options: Partial<MayflyOptions> = {},
): Mayfly => {
  const session = { access_token: token };
  const auth = { getSession: async () => ({ data: { session } }) };
  return new Mayfly({ url, key, client: { auth }, ...options });
};

export interface TestLocalOptions extends Partial<LocalOptions> {
  /**
   * Uses PGlite as the database. By default, the database is a real Postgres 17 if there is one and no other
   * option chooses a database or its keys. On a real Postgres, requests run in parallel, and SQL takes a
   * fraction of the time.
   */
  embedded?: boolean;
}

export async function startTestLocal({
  embedded = !databaseUrl,
  ...options
}: TestLocalOptions = {}): Promise<TestLocal> {
  // A test with keys or data of its own needs its own cluster, because passwords belong to the whole cluster.
  const isOwn = embedded || options.dbUrl || options.data || options.keys || options.template;
  const real = isOwn ? undefined : await openPostgresDatabase();
  const keys = await readKeys();
  const { log, check } = watchForSecrets(options.log ?? silent, options.keys ?? keys);
  const local = await startLocal({
    ...(real ? { dbUrl: real.url } : { template: (await readTemplate()).database }),
    keys,
    port: 0,
    // As on hosted projects, a broadcast arrives before its commit is visible.
    broadcastLeadMs: 70,
    ...options,
    // Only the tests of the Realtime server itself keep the real pauses of 5 s and 2 s.
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
