import { createConsoleLog } from "./console-log.ts";
import type { Logger } from "./log.ts";
import type { Local, LocalOptions } from "./options.ts";
import { findRunning, type Running } from "./running.ts";
import { startLocal } from "./start.ts";

const defaultPort = 54321;
const defaultDbPort = 54322;

/** Options of a command that serves. */
export interface ServeOptions extends Omit<LocalOptions, "log" | "watch" | "onCrash"> {
  data: string;
  verbose?: boolean;
  json?: boolean;
  /** The title before the table of URLs and keys. */
  title?: string;
  /** Additional work to do once the embedded Supabase serves. */
  beside?: (local: Local, log: Logger) => Promise<BesideResult>;
}

export interface BesideResult {
  /** Lines for people, below the table of URLs and keys. */
  lines?: string[];
  /**
   * Starts a program next to the embedded Supabase, after the table is printed. When the program
   * ends, everything ends with its exit code.
   */
  run?: () => Promise<number>;
  /** Ends that program, before anything that the program needs is closed. */
  close?: () => Promise<void>;
}

/**
 * Starts an embedded Supabase for a terminal. It runs until Ctrl-C, or until the program that it
 * started ends.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { verbose = false, json = false, title = "The embedded Supabase is running" } = options;
  const log = createConsoleLog({ verbose, json });
  const startedAt = performance.now();
  let local: Local | undefined;
  let stopping = false;
  let beside: BesideResult = {};

  const stop = async (code: number) => {
    // A second Ctrl-C ends this at once. During the start, the first one does too, because nothing
    // was acknowledged yet, and a kill is safe at every step of a start.
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
    // If another process serves this data folder, the folder is locked, so say where that process
    // is.
    const other = await findRunning(options.data);
    const problem = other
      ? `The embedded Supabase of ${options.data} is already running at ${other.apiUrl}. Use it, or stop it first (pid ${other.pid}).`
      : sentence(error);
    if (json) log.error(problem);
    else console.error(problem);
    await local?.close();
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (json) {
    const { apiUrl, dbUrl } = local;
    // The complete URL of the database contains its password.
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
    ...(link ? [`Open the console. This link signs you in once: ${link}`] : []),
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

/** A sentence for each port that is not the default one, except for ports that the options name. */
function movedPorts(options: ServeOptions, { apiUrl, dbUrl }: Local): string[] {
  const moves: string[] = [];
  const http = Number(new URL(apiUrl).port);
  if (options.port === undefined && http !== defaultPort)
    moves.push(
      `HTTP uses port ${http}, because ${defaultPort} is in use. Use --port to choose another.`,
    );
  const db = Number(new URL(dbUrl).port);
  if (options.dbPort === undefined && options.dbUrl === undefined && db !== defaultDbPort) {
    // If HTTP does not have its default port, Postgres gets the port after HTTP's, and its own
    // default port was not tried.
    const why = moves.length > 0 ? "next to HTTP's" : `because ${defaultDbPort} is in use`;
    moves.push(`Postgres uses port ${db}, ${why}. Use --db-port to choose another.`);
  }
  return moves;
}
