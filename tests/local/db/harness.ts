import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import {
  type Database,
  openPglite,
  type PgliteOptions,
  type User,
} from "../../../local/src/db/index.ts";
import type { Logger } from "../../../local/src/log.ts";

export const PASSWORD = "a test's password";
export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Made once, by whoever comes first: a fresh initdb takes 5 s, this under 1. */
const CACHE = join(import.meta.dirname, "../../../node_modules/.cache/mayfly");
const TEMPLATE = join(CACHE, "db-0.4.5.tar");

export async function open(options: Partial<PgliteOptions> = {}): Promise<Database> {
  const template = existsSync(TEMPLATE) ? readFileSync(TEMPLATE) : undefined;
  const database = await openPglite({
    passwords: PASSWORD,
    log: quiet,
    ...(template && { template }),
    ...options,
  });
  if (!template && options.dataDir === undefined) {
    mkdirSync(CACHE, { recursive: true });
    const mine = `${TEMPLATE}.${process.pid}`;
    writeFileSync(mine, await database.dumpDataDir());
    renameSync(mine, TEMPLATE);
  }
  return database;
}

export const connect = (database: Database, user: User = "postgres", max = 1) =>
  postgres(database.url(user), { max, onnotice: () => undefined, connect_timeout: 20 });

/** What an expected failure says. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string }> {
  try {
    await promise;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { code: code ?? "", message };
  }
  return { code: "", message: "did not fail" };
}
