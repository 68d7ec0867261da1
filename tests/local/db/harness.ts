import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { readBareTemplate } from "#harness/template";
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

export async function open(options: Partial<PgliteOptions> = {}): Promise<Database> {
  const template = await readBareTemplate();
  return openPglite({ passwords: PASSWORD, log: quiet, template, ...options });
}

export const connect = (database: Database, user: User = "postgres", max = 1) =>
  postgres(database.url(user), { max, onnotice: () => undefined, connect_timeout: 20 });

/** The message of an expected failure. */
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

/** Gives the lock of a data folder to another process, as if its own process had been suspended for long. */
export function takeOver(dataDir: string): void {
  const lock = join(dataDir, "mayfly.lock");
  const other = { ...JSON.parse(readFileSync(lock, "utf8")), token: "another" };
  writeFileSync(lock, JSON.stringify(other));
}
