/** The messages between the calling thread and the database worker. */

export interface WorkerOptions {
  /** The cluster's folder. Absent for a cluster in memory. */
  pgdata?: string;
  /** A cluster to start from: the bytes of a tar, or the path of a tar file. */
  template?: Uint8Array<ArrayBuffer> | string;
  /** SQL that runs first, as the bootstrap superuser, with one transaction for each string. */
  prepare: string[];
}

export interface Booted {
  version: string;
}

/**
 * `prologue` runs first. If it fails, the body does not run and the reply has no body. A `confined`
 * body has no more rights than the current session user.
 */
export type Request =
  | { kind: "run"; prologue?: Uint8Array; body: Uint8Array; confined: boolean }
  | { kind: "dump" }
  /** With `pack`, the reply is the cluster in memory, as a tar. */
  | { kind: "close"; pack: boolean };

export interface Reply {
  prologue?: Uint8Array<ArrayBuffer>;
  body?: Uint8Array<ArrayBuffer>;
}
