import { type FromRow, fromRow } from "../link/rows.ts";

/** How a version of a state was made. `expire`: it reached its `expiresAt`. */
export type StateAction = "set" | "patch" | "rollback" | "reconcile" | "delete" | "expire";

/** @internal */
export interface StateHead {
  id: string;
  key: string;
  /** The agent to which it belongs. Null if it is shared. */
  agent_id: string | null;
  /** Starts at 1 and increases by one with every change. It never decreases. */
  version: number;
  /** The agent or person that changed it last. Null for the secret key. */
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

/** @internal */
export interface RecentRow extends StateHead {
  deleted_at: string | null;
}

/** A state with its current value. */
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

/** A state at a version. `value` is undefined if it was deleted. */
export type StateVersion<T = unknown> = StateVersionInfo & { key: string; value: T | undefined };

/** The version that a write expects. */
export interface WriteOptions {
  /** Write only if the state is at this version. 0: only if it does not exist. */
  expectedVersion?: number;
}

/** The version that a `set` expects, and when the state expires. */
export interface SetOptions extends WriteOptions {
  /** When it expires. From then on it counts as deleted. By default a state stays until it is deleted. */
  expiresAt?: Date;
}

/** Options of an `update`. */
export interface UpdateOptions {
  /** How often it tries to write. 100 by default. */
  tries?: number;
}

/**
 * One change of a state on the server. `path` is a JSON pointer (RFC 6901) such as `/done` or `/names/0`. An
 * empty path is the whole value.
 */
export type StateEdit =
  /** Sets a key, or inserts into a list at an index (`-` for its end), as in RFC 6902. */
  | { op: "add"; path: string; value: unknown }
  /** Adds `value`, 1 by default, to a number. A missing number is 0. */
  | { op: "inc"; path: string; value?: number }
  /** Puts `value` at the end of a list. A missing list is empty. */
  | { op: "append"; path: string; value: unknown }
  /** Removes a key or an index. With `value`, removes every element of the list that equals it. */
  | { op: "remove"; path: string; value?: unknown };

/** Which number an `increment` changes. */
export interface IncrementOptions {
  /** A JSON pointer (RFC 6901), such as `/tokens`. By default, the state itself is the number. */
  path?: string;
}

/** Two changes to merge, made from the same version. */
export interface Reconcile {
  /**
   * `latest_wins`: the later change replaces the whole value. `merge`: deep three-way merge; if both changed
   * a value, the later one wins. `manual`: like `merge` if they do not contradict each other; otherwise
   * nothing is written, and `conflicts` says where they contradict each other.
   */
  strategy: "latest_wins" | "merge" | "manual";
  /** The version from which both changes were made. Without it, the changes have no common base. */
  base?: number;
  /** One change: a value, or `{ version }`. */
  ours: { value: unknown; at?: Date } | { version: number };
  /** The other change: a version. By default, the current state. */
  theirs?: number;
  expectedVersion?: number;
}

/** The result of a reconciliation, and the current state. */
export interface Reconciled<T = unknown> {
  outcome: "ours" | "theirs" | "merged" | "conflict";
  /** With `manual`: where the two changes contradict each other. A value that does not exist is left out. */
  conflicts: { path: string[]; base?: unknown; theirs?: unknown; ours?: unknown }[];
  /** The current state. Null if it does not exist. */
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

/** A state as SQL returns it. */
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
