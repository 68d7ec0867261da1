/**
 * An embedded Supabase, on PGlite or on a database of its own on a real Postgres 17, and both transports to
 * it.
 */
import { Mayfly } from "@mayfly/sdk";
import { PostgresTransport } from "@mayfly/sdk/postgres";
import { type Local, startLocal } from "../../local/src/index.ts";
import { createTokens } from "../../local/src/tokens.ts";
import { type Claims, makeTenant, type Sql } from "./callers.ts";
import { type Clock, clockOf } from "./clock.ts";
import { openPostgresDatabase } from "./database.ts";
import { startTestLocal } from "./local.ts";
import { silent } from "./log.ts";
import { databaseUrl } from "./needs.ts";

export interface Ways extends Clock {
  local: Local;
  sql: Sql;
  transport: PostgresTransport;
  /** Makes a tenant. Returns a client that calls it over the Data API, and one that calls it over Postgres. */
  enter(
    settings?: Record<string, unknown>,
  ): Promise<{ tenant: string; http: Mayfly; direct: Mayfly }>;
  sign(claims: Claims): Promise<string>;
  close(): Promise<void>;
}

/** The databases that are available. */
export const databases: { name: string; open: () => Promise<Ways> }[] = [
  {
    name: "PGlite",
    open: async () => {
      const local = await startTestLocal({ embedded: true });
      return waysOf(local, local.sql, () => local.close());
    },
  },
  ...(databaseUrl ? [{ name: "Postgres 17", open: openReal }] : []),
];

async function openReal(): Promise<Ways> {
  const db = await openPostgresDatabase();
  const local = await startLocal({ dbUrl: db.url, port: 0, log: silent });
  return waysOf(local, db.sql, async () => {
    await local.close();
    await db.close();
  });
}

async function waysOf(local: Local, sql: Sql, close: () => Promise<void>): Promise<Ways> {
  const transport = new PostgresTransport(local.dbUrl, { max: 3 });
  const tokens = await createTokens(local.keys);
  const entered: Mayfly[] = [];
  return {
    ...clockOf(sql),
    local,
    sql,
    transport,
    async enter(settings) {
      const tenant = await makeTenant(sql, settings);
      const options = { url: local.apiUrl, key: local.secretKey, tenant };
      const http = new Mayfly(options);
      const direct = new Mayfly({ ...options, transport });
      entered.push(http, direct);
      return { tenant, http, direct };
    },
    sign: (claims) => tokens.sign(claims),
    async close() {
      await Promise.all(entered.map((mayfly) => mayfly.close({ stopAgents: true })));
      await transport.close();
      await close();
    },
  };
}
