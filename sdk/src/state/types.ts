import { type FromRow, fromRow } from "../link/rows.ts";

/** How a version of a state came to be; `expire`: its time was over. */
export type StateAction = "set" | "patch" | "rollback" | "reconcile" | "delete" | "expire";

/** @internal */
export interface StateHead {
  id: string;
  key: string;
  /** Whose it is; null for a shared one. */
  agent_id: string | null;
  /** From 1, one more with every change; never falls. */
  version: number;
  /** The agent or person that changed it last; null for the secret key. */
  updated_by: string | null;
  created_at: string;
  updated_at: string;
  expires_at: string | null;
}
/**
 * A state without its value, as `list` shows it.
 *
 * @interface
 */
export type StateInfo = FromRow<StateHead>;

/** A state as it is. */
export type State<T = unknown> = StateInfo & { value: T };

/** @internal */
export interface VersionRow {
  version: number;
  action: StateAction;
  by: string | null;
  at: string;
  bytes: number;
}
/**
 * A version of a state as `history` shows it: who made it, how and when.
 *
 * @interface
 */
export type StateVersionInfo = Omit<VersionRow, "at" | "bytes"> & { at: Date };

/** What a state was at a version; `value` is undefined where it was deleted. */
export type StateVersion<T = unknown> = StateVersionInfo & { key: string; value: T | undefined };

/** On which version a write insists. */
export interface WriteOptions {
  /** Only if the state is at this version; 0: only if it is not there. */
  expectedVersion?: number;
}

/** On which version a `set` insists, and when the state ends. */
export interface SetOptions extends WriteOptions {
  /** From then on it is as if deleted. Without it a state stays until it is deleted. */
  expiresAt?: Date;
}

/** How often an `update` tries. */
export interface UpdateOptions {
  /** How often it writes at most; 100 by default. */
  tries?: number;
}

/**
 * One change of a state on the server. `path` is a JSON pointer (RFC 6901) such as `/done` or
 * `/names/0`; an empty one is the whole value.
 */
export type StateEdit =
  /** Sets a key, or inserts into a list at an index (`-` for its end), as in RFC 6902. */
  | { op: "add"; path: string; value: unknown }
  /** Adds `value`, 1 by default, to a number; what is not there is 0. */
  | { op: "inc"; path: string; value?: number }
  /** Puts `value` at the end of a list; what is not there is an empty one. */
  | { op: "append"; path: string; value: unknown }
  /** Removes a key or an index; with `value`, every element of the list that equals it. */
  | { op: "remove"; path: string; value?: unknown };

/** Which number an `increment` counts. */
export interface IncrementOptions {
  /** A JSON pointer (RFC 6901), as `/tokens`; by default the state itself is the number. */
  path?: string;
}

/** Two changes of one base, to be brought together. */
export interface Reconcile {
  /**
   * `latest_wins`: the later of the two, whole. `merge`: three-way and deep; where both changed one
   * value, the later. `manual`: as `merge` where they do not contradict each other, else nothing is
   * written and `conflicts` says where.
   */
  strategy: "latest_wins" | "merge" | "manual";
  /** The version that both changes began with; without it nothing is taken as common. */
  base?: number;
  /** The one change: a value, or `{ version }`. */
  ours: { value: unknown; at?: Date } | { version: number };
  /** The other: a version; by default what the state is by now. */
  theirs?: number;
  expectedVersion?: number;
}

/** How a reconciliation ended, and what holds now. */
export interface Reconciled<T = unknown> {
  outcome: "ours" | "theirs" | "merged" | "conflict";
  /** With `manual`: where the two contradict each other. What was not there is left out. */
  conflicts: { path: string[]; base?: unknown; theirs?: unknown; ours?: unknown }[];
  /** As it is now; null when it is not there. */
  state: State<T> | null;
}

export const toState = <T>(row: StateRow): State<T> => fromRow(row) as State<T>;

export const toReconciled = <T>({
  state,
  ...rest
}: Omit<Reconciled, "state"> & { state: StateRow | null }): Reconciled<T> => ({
  ...rest,
  state: state && toState<T>(state),
});

export const toVersionInfo = ({ version, action, by, at }: VersionRow): StateVersionInfo => ({
  version,
  action,
  by,
  at: new Date(at),
});

export function toVersion<T>(row: KeptVersion): StateVersion<T> {
  const { key, version, action, by, at, value } = row;
  const gone = action === "delete" || action === "expire";
  return { key, version, action, by, at: new Date(at), value: gone ? undefined : (value as T) };
}

/** A state as SQL shows it. */
export interface StateRow extends StateHead {
  value: unknown;
}

export type KeptVersion = Omit<VersionRow, "bytes"> & { key: string; value: unknown };

/** @internal */
export interface ChangeRow {
  id: string;
  key: string;
  agent_id: string | null;
  version: number;
  value: unknown;
  action: StateAction;
  by: string | null;
  at: string;
}
