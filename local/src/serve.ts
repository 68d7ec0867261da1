import { createConsoleLog } from "./console-log.ts";
import type { Logger } from "./log.ts";
import type { Local, LocalOptions } from "./options.ts";
import type { Running } from "./running.ts";
import { startLocal } from "./start.ts";

const defaultPort = 54321;
const defaultDbPort = 54322;

/** What a command that serves is given. */
export interface ServeOptions extends Omit<LocalOptions, "log" | "watch" | "onCrash"> {
  data: string;
  verbose?: boolean;
  json?: boolean;
  /** Says what serves, before the table of URLs and keys. */
  title?: string;
  /** Once it serves: what is to be done beside it. */
  beside?: (local: Local, log: Logger) => Promise<BesideResult>;
}

export interface BesideResult {
  /** For people, under the table of URLs and keys. */
  lines?: string[];
  /** Starts what runs beside it, once the table is printed. The end comes with its exit code. */
  run?: () => Promise<number>;
  /** Ends what runs beside it, before anything that it needs is gone. */
  close?: () => Promise<void>;
}

/** Starts an embedded Supabase for a terminal, and keeps it up until Ctrl-C or until what runs beside it ends. */
export async function serve(options: ServeOptions): Promise<void> {
  const { verbose = false, json = false, title = "The embedded Supabase is running" } = options;
  const log = createConsoleLog({ verbose, json });
  const startedAt = performance.now();
  let local: Local | undefined;
  let stopping = false;
  let beside: BesideResult = {};

  const stop = async (code: number) => {
    // The second Ctrl-C does not wait. Nor does one during the start: nothing was acknowledged yet,
    // and every step of a start may be killed.
    if (stopping) process.exit(130);
    stopping = true;
    await beside.close?.();
    await local?.close();
    log.info("Stopped");
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => void stop(0));

  try {
    local = await startLocal({
      ...options,
      watch: true,
      log,
      onCrash: () => {
        const where = `Everything that was acknowledged is in ${options.data}. Start again.`;
        log.error(`The embedded Supabase stopped, because its database stopped. ${where}`);
        void stop(1);
      },
    });
    beside = (await options.beside?.(local, log)) ?? {};
  } catch (error) {
    if (stopping) return;
    if (json) log.error(sentence(error));
    else console.error(sentence(error));
    await local?.close();
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (json) {
    const { apiUrl, dbUrl } = local;
    // The whole URL of the database has its password.
    const dbPort = Number(new URL(dbUrl).port);
    log.info("Serving", { seconds: Number(seconds), API_URL: apiUrl, dbPort });
    void beside.run?.().then(stop);
    return;
  }
  const rows = Object.entries(variables(local));
  console.log(`\n${title} (started in ${seconds} s). Press Ctrl-C to stop it.\n`);
  for (const [name, value] of rows) console.log(`  ${name.padEnd(16)} ${value}`);
  const link = local.consoleLink();
  const lines = [
    ...(link ? [`The console, signed in, once: ${link}`] : []),
    ...movedPorts(options, local),
    ...(beside.lines ?? []),
  ];
  if (lines.length > 0) console.log("");
  for (const line of lines) console.log(`  ${line}`);
  console.log("");
  void beside.run?.().then(stop);
}

/** The names that `supabase status` gives. */
export function variables(running: Omit<Running, "pid" | "instance">): Record<string, string> {
  return {
    API_URL: running.apiUrl,
    DB_URL: running.dbUrl,
    STUDIO_URL: running.studioUrl,
    JWKS_URL: running.jwksUrl,
    PUBLISHABLE_KEY: running.publishableKey,
    SECRET_KEY: running.secretKey,
  };
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A sentence for each port that nobody named and that is not the usual one. */
function movedPorts(options: ServeOptions, { apiUrl, dbUrl }: Local): string[] {
  const moves: string[] = [];
  const http = Number(new URL(apiUrl).port);
  if (options.port === undefined && http !== defaultPort)
    moves.push(
      `HTTP uses port ${http}, because ${defaultPort} is in use. Use --port to choose another.`,
    );
  const db = Number(new URL(dbUrl).port);
  if (options.dbPort === undefined && options.dbUrl === undefined && db !== defaultDbPort) {
    // Where HTTP has moved, Postgres is beside it: the usual port was not tried.
    const why = moves.length > 0 ? "next to HTTP's" : `because ${defaultDbPort} is in use`;
    moves.push(`Postgres uses port ${db}, ${why}. Use --db-port to choose another.`);
  }
  return moves;
}
