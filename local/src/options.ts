import type { Health } from "./health.ts";
import type { ProjectKeys } from "./keys.ts";
import type { Logger } from "./log.ts";
import type { RealtimeFaults, RealtimeLimits } from "./realtime/index.ts";
import type { Running } from "./running.ts";

/** Options of an embedded Supabase. */
export interface LocalOptions {
  /** Where the database and the keys are kept. Without it, everything is in memory, for tests. */
  data?: string;
  /** The HTTP port. By default 54321, or another free one. */
  port?: number | undefined;
  /** The wire port. By default 54322, or another free one. */
  dbPort?: number | undefined;
  /** The URL of a superuser of a Postgres with pgvector, to use instead of the embedded one. */
  dbUrl?: string | undefined;
  /** For tests: a database that `dump` has written, or the path of a file with one. */
  template?: Blob | string | undefined;
  keys?: ProjectKeys;
  /** Additional secrets of the functions. */
  secrets?: Record<string, string>;
  /** The folder of the project, with supabase/ and functions/. This repository by default. */
  root?: string;
  /** A console to serve at `/console/`: a folder with its built files, `dist/`, and `enter.sql`. */
  console?: string | undefined;
  /** Reload the functions when they change. */
  watch?: boolean;
  /** Realtime's limits. By default those of the Free plan. */
  limits?: Partial<RealtimeLimits>;
  /**
   * How early a broadcast of a Data API request may arrive: up to this many milliseconds before its
   * commit is visible. On hosted projects, this is up to 70. With 0, the default, a broadcast
   * arrives after its commit.
   */
  broadcastLeadMs?: number;
  /** Whether functions are ended after the CPU and wall clock time of a hosted project. */
  hostedLimits?: boolean;
  /** Faults of Realtime, to test a client: see `RealtimeFaults`. */
  faults?: RealtimeFaults;
  /** Called once if the embedded database ends unexpectedly. Only /health works after that. */
  onCrash?: (error: Error) => void;
  log: Logger;
}

/** A running embedded Supabase. */
export interface Local extends Omit<Running, "pid" | "instance"> {
  readonly keys: ProjectKeys;
  health(): Health;
  /** A link to the console that signs the developer in once. Undefined if no console is served. */
  consoleLink(): string | undefined;
  /** Makes every client reconnect, as when the settings of a hosted project change. */
  reloadRealtime(): void;
  /** The database as a file, from which another can be started (`template`). */
  dump(): Promise<Blob>;
  close(): Promise<void>;
}
