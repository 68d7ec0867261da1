/** What the calling thread and the database worker say to each other. */

export interface WorkerOptions {
  /** The cluster's folder; absent for memory. */
  pgdata?: string;
  /** A cluster to start from, as a tar: its bytes, or the path of its file. */
  template?: Uint8Array<ArrayBuffer> | string;
  /** SQL run as the bootstrap superuser, one string a transaction, before anything else. */
  prepare: string[];
}

export interface Booted {
  version: string;
}

/**
 * `prologue` runs first; when it fails the body does not run and the reply has none. A `confined`
 * body has no more rights than the session user that it finds.
 */
export type Request =
  | { kind: "run"; prologue?: Uint8Array; body: Uint8Array; confined: boolean }
  | { kind: "dump" }
  /** With `pack`, the reply is what the cluster in memory is then, as a tar. */
  | { kind: "close"; pack: boolean };

export interface Reply {
  prologue?: Uint8Array<ArrayBuffer>;
  body?: Uint8Array<ArrayBuffer>;
}
