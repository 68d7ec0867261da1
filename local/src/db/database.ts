import type { Logger } from "../log.ts";
import type { PortChoice } from "../ports.ts";
import type { Holds } from "./holds.ts";

/** The login users of a Supabase project that the embedded parts connect as. */
export const USERS = [
  "supabase_admin",
  "postgres",
  "authenticator",
  "supabase_auth_admin",
  "supabase_realtime_admin",
] as const;
export type User = (typeof USERS)[number];

export interface Database {
  readonly kind: "pglite" | "postgres";
  /** The server's version, "17.5". */
  readonly version: string;
  readonly port: number;
  /** Transactions held just before their commit. PGlite only. */
  readonly holds?: Holds;
  /** A connection string with the user's password. */
  url(user: User): string;
  /** The whole cluster as a tar, from which others can be opened (`template`). PGlite only. */
  dumpDataDir(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Ends a cluster in memory and returns it as a tar. Other clusters open faster from this tar than
   * from a `dumpDataDir`, because they have nothing to recover.
   */
  closeAndPack?(): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** A password for each user, or one for all users. */
export type Passwords = Record<User, string> | string;

export interface PgliteOptions {
  /** Where the data is stored. Without it, the data is in memory. */
  dataDir?: string;
  /**
   * The cluster to start from: the result of a `dumpDataDir`, or the path of a file with one.
   * Ignored if the folder already has a cluster.
   */
  template?: Blob | Uint8Array | string;
  /** The loopback port, or where to look for a free one. By default, any free port. */
  port?: PortChoice;
  passwords: Passwords;
  /** How long an idle owner may keep the others waiting. 10 s by default. */
  idleInTransactionTimeoutMs?: number;
  log: Logger;
  /**
   * Called once if the database's thread ends unexpectedly. Its clients are already disconnected.
   */
  onCrash?: (error: Error) => void;
}

export interface PostgresOptions {
  /** The URL for a superuser, or for a user `postgres` that may create roles and extensions. */
  url: string;
  /**
   * The passwords that the bootstrap sets for the login users. The user in the URL keeps its
   * password.
   */
  passwords: Passwords;
  log: Logger;
}

export const passwordOf = (passwords: Passwords, user: User): string =>
  typeof passwords === "string" ? passwords : passwords[user];
