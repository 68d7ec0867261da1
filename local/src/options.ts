import type { Health } from "./health.ts";
import type { ProjectKeys } from "./keys.ts";
import type { Logger } from "./log.ts";
import type { RealtimeFaults, RealtimeLimits } from "./realtime/index.ts";
import type { Running } from "./running.ts";

/** What an embedded Supabase is started with. */
export interface LocalOptions {
  /** Where the database and the keys are kept. Without it everything is in memory, for tests. */
  data?: string;
  /** The HTTP port: 54321, or another that is free, by default. */
  port?: number | undefined;
  /** The wire port: 54322, or another that is free, by default. */
  dbPort?: number | undefined;
  /** A Postgres with pgvector to use instead of the embedded one: a superuser's URL. */
  dbUrl?: string | undefined;
  /** A database made before, or the path of its file, for tests: see `dump`. */
  template?: Blob | string | undefined;
  keys?: ProjectKeys;
  /** Secrets of the functions, over those they have by themselves. */
  secrets?: Record<string, string>;
  /** The project: holds supabase/ and functions/. This repository by default. */
  root?: string;
  /** A console to serve at `/console/`: a folder with its built files, `dist/`, and `enter.sql`. */
  console?: string | undefined;
  /** Reload the functions when they change. */
  watch?: boolean;
  /** Realtime's limits: the Free plan's by default. */
  limits?: Partial<RealtimeLimits>;
  /**
   * As on hosted projects, broadcasts that a request of the Data API causes arrive before its commit
   * is visible: up to this many milliseconds (there, up to 70). 0, the default, is after the commit.
   */
  broadcastLeadMs?: number;
  /** Functions are ended at the CPU and wall clock time at which a hosted project ends them. */
  hostedLimits?: boolean;
  /** What Realtime does wrong on purpose, to try a client: see `RealtimeFaults`. */
  faults?: RealtimeFaults;
  /** Told once if the embedded database ends by itself; nothing but /health works from then on. */
  onCrash?: (error: Error) => void;
  log: Logger;
}

/** An embedded Supabase that serves. */
export interface Local extends Omit<Running, "pid" | "instance"> {
  readonly keys: ProjectKeys;
  health(): Health;
  /** A link to the console that signs the developer in, once; undefined where none is served. */
  consoleLink(): string | undefined;
  /** Realtime does what it does when a hosted project's settings change: every client reconnects. */
  reloadRealtime(): void;
  /** The database as a file, to start another from: `template`. */
  dump(): Promise<Blob>;
  close(): Promise<void>;
}
