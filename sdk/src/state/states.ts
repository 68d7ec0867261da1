import { deleted, list } from "../contract/answer-form.ts";
import type { Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Link } from "../link/link.ts";
import { fromRow } from "../link/rows.ts";
import type { Log } from "../log/log.ts";
import type { Watch } from "../log/watch.ts";
import { reconciled, stateInfo, stateRow, versionRow } from "./answers.ts";
import { StateCalls } from "./calls.ts";
import { diffVersions, type StateDifference } from "./diff.ts";
import { editRequest, incrementOf, numberAt } from "./edits.ts";
import { type Moment, type StatesAt, stateAt, statesAt } from "./past-states.ts";
import { type RecentState, type RecentStates, recentStates } from "./recent.ts";
import { expected, pageRequest, patchRequest, reconcileRequest, setRequest } from "./requests.ts";
import {
  type IncrementOptions,
  type Reconcile,
  type Reconciled,
  type SetOptions,
  type State,
  type StateEdit,
  type StateInfo,
  type StateRow,
  type StateVersion,
  type StateVersionInfo,
  toReconciled,
  toState,
  toVersionInfo,
  type UpdateOptions,
  type WriteOptions,
} from "./types.ts";
import { type Change, updateState } from "./update.ts";
import { type StateHandler, type StateWatchOptions, watchStates } from "./watch.ts";

/**
 * Versioned JSON documents with keys, of one agent or shared by the tenant. A value has at most 256 KB and 32
 * levels. The newest 100 versions are kept.
 */
export class States {
  readonly #link: Link;
  readonly #owner: string | null;
  readonly #log: Log;
  readonly #calls: StateCalls;

  /** @internal */
  constructor(link: Link, log: Log, owner: string | null) {
    this.#link = link;
    this.#log = log;
    this.#owner = owner && idOf(owner);
    this.#calls = new StateCalls(link, this.#owner);
  }

  /**
   * The states of an agent. Anyone with `state:read` can read them. The agent itself, its ancestors and the
   * admins of the tenant can write them.
   */
  of(agentId: string): States {
    return new States(this.#link, this.#log, agentId);
  }

  /** The states that the agents of the tenant share. */
  get shared(): States {
    return new States(this.#link, this.#log, null);
  }

  /**
   * Reads a state. Null if there is none.
   *
   * @returns `not_authorized`, `scope_missing`, `unavailable`.
   * @example
   * const { data: plan } = await agent.state.get<{ step: number }>("plan");
   * console.log(plan?.version, plan?.value.step);
   */
  get<T = unknown>(key: string): Promise<Result<State<T> | null>> {
    return this.#calls.call("get_state", { key }, stateRow.nullable(), stateOrNull<T>);
  }

  /**
   * Sets a state.
   *
   * @returns `version_conflict` with `details.version` if the state is not at `expectedVersion` (nothing
   * was written then), `invalid_request`, `quota_exceeded`, `rate_limited`, `state_not_writable`.
   * @example
   * const { error } = await agent.state.set("plan", { step: 2 }, { expectedVersion: 1 });
   */
  set<T>(key: string, value: T, options: SetOptions = {}): Promise<Result<State<T>>> {
    const given = setRequest(key, value, options);
    if (given.error) return Promise.resolve(given);
    return this.#calls.call("set_state", given.data, stateRow, toState<T>);
  }

  /**
   * Changes a state with a JSON merge patch (RFC 7396): a value replaces the old one, objects are merged key by
   * key at every level, and null removes a key. A missing state starts as `{}`.
   *
   * @returns the same errors as `set`.
   * @example
   * await agent.state.patch("plan", { step: 3, blockedBy: null });
   */
  patch<T = unknown>(
    key: string,
    patch: Record<string, unknown>,
    { expectedVersion }: WriteOptions = {},
  ): Promise<Result<State<T>>> {
    const given = patchRequest(key, patch, expectedVersion);
    if (given.error) return Promise.resolve(given);
    return this.#calls.call("patch_state", given.data, stateRow, toState<T>);
  }

  /**
   * Changes counters and lists on the server, in one call. Each edit applies to the result of those before it.
   * All edits together make one version, or none is made. Any number of callers can do this at once, without
   * conflicts or lost edits. A missing state starts empty.
   *
   * @returns the new state, or null if it still does not exist. Errors: `edit_does_not_fit` with
   * `details.index`, and the errors of `set`.
   * @example
   * const named = { op: "append", path: "/names", value: "ada" } as const;
   * await agent.state.shared.edit("progress", [{ op: "inc", path: "/done" }, named]);
   */
  edit<T = unknown>(
    key: string,
    edits: StateEdit[],
    { expectedVersion }: WriteOptions = {},
  ): Promise<Result<State<T> | null>> {
    const given = editRequest(key, edits, expectedVersion);
    if (given.error) return Promise.resolve(given);
    return this.#calls.call("edit_state", given.data, stateRow.nullable(), stateOrNull<T>);
  }

  /**
   * Adds to a number on the server, in one call. A missing number is 0. See {@link States.edit}.
   *
   * @returns the new number. Errors: `edit_does_not_fit` if the value is not a number.
   * @example
   * const { data: done } = await agent.state.shared.increment("done");
   */
  increment(key: string, by = 1, options: IncrementOptions = {}): Promise<Result<number>> {
    const given = editRequest(key, [incrementOf(by, options)]);
    if (given.error) return Promise.resolve(given);
    const take = ({ value }: { value: unknown }) => numberAt(value, options.path);
    return this.#calls.call("edit_state", given.data, stateRow, take);
  }

  /**
   * Changes a state with a function of its current value (undefined if it does not exist), and writes what
   * the function returns. If it returns undefined, the state stays as it is. If somebody else writes first,
   * `update` tries again, with pauses of up to 5 s, so the function may run several times. Reading takes one
   * call, and each try takes one more.
   *
   * @returns the new state. Errors: `version_conflict` if all tries (100 by default) were lost. After
   * `unavailable`, the change may have been made: read before you repeat it.
   * @example
   * await agent.state.shared.update<number>("best", (best = 0) => Math.max(best, score));
   */
  update<T>(
    key: string,
    change: Change<T>,
    options: UpdateOptions = {},
  ): Promise<Result<State<T> | null>> {
    return updateState(this.#calls, key, change, options);
  }

  /**
   * Deletes a state. Its versions are kept for a while (30 days by default), so that you can roll it back.
   *
   * @returns whether the state existed. Errors: `version_conflict`, `state_not_writable`.
   */
  delete(key: string, { expectedVersion }: WriteOptions = {}): Promise<Result<boolean>> {
    return this.#calls.call(
      "delete_state",
      { key, ...expected(expectedVersion) },
      deleted,
      (answer) => answer.deleted,
    );
  }

  /**
   * Lists states by key, without their values.
   *
   * @param options `after`: the last key of the previous page; `limit`: 1 to 1,000, 100 by default.
   */
  list(
    options: { prefix?: string; after?: string; limit?: number } = {},
  ): Promise<Result<StateInfo[]>> {
    const given = pageRequest(options);
    return this.#calls.call("list_states", given, list(stateInfo), (rows) => rows.map(fromRow));
  }

  /**
   * Lists states of all owners without their values, the most recently changed first. Needs `state:read`.
   *
   * @example
   * const { data: changed } = await mayfly.state.recent({ limit: 20 });
   * for (const { key, agentId, version } of changed ?? []) console.log(agentId ?? "shared", key, version);
   */
  recent(options: RecentStates = {}): Promise<Result<RecentState[]>> {
    return recentStates(this.#link, options);
  }

  /**
   * Lists the versions of a state that are kept, newest first, even if it was deleted.
   *
   * @param options `before`: only versions older than this one; `limit`: 1 to 100, 100 by default.
   */
  history(
    key: string,
    options: { before?: number; limit?: number } = {},
  ): Promise<Result<StateVersionInfo[]>> {
    const given = { key, ...pageRequest(options) };
    const form = list(versionRow);
    return this.#calls.call("state_history", given, form, (rows) => rows.map(toVersionInfo));
  }

  /**
   * Reads a state at a version. Null if that version is not kept. With a time or a checkpoint of a run, reads
   * all states of this owner as they were then, optionally only those whose key begins with `prefix`.
   *
   * @example
   * const { data: history } = await mayfly.workflows.history(id);
   * const last = history?.checkpoints.at(-1);
   * if (last) console.log((await mayfly.state.at(last)).data?.states);
   */
  at<T = unknown>(key: string, version: number): Promise<Result<StateVersion<T> | null>>;
  at(moment: Moment, options?: { prefix?: string }): Promise<Result<StatesAt>>;
  at<T>(
    what: string | Moment,
    which: number | { prefix?: string } = {},
  ): Promise<Result<StateVersion<T> | null | StatesAt>> {
    if (typeof what !== "string")
      return statesAt(this.#calls, what, (which as { prefix?: string }).prefix ?? "");
    return stateAt<T>(this.#calls, what, which as number);
  }

  /**
   * Compares two versions of a state. By default, `to` is the current one. Objects are compared key by key,
   * lists as a whole.
   *
   * @returns `version_unknown` if a version is not kept.
   * @example
   * const { data } = await agent.state.diff("plan", 3, 7);
   * for (const { path, from, to } of data ?? []) console.log(path.join("."), from, to);
   */
  diff(key: string, from: number, to?: number): Promise<Result<StateDifference[]>> {
    return diffVersions(this, key, from, to);
  }

  /**
   * Restores the value of an earlier version, as a new version. A deleted state comes back.
   *
   * @returns `version_unknown`, and the errors of `set`.
   * @example
   * await agent.state.rollback("plan", 3);
   */
  rollback<T = unknown>(
    key: string,
    version: number,
    { expectedVersion }: WriteOptions = {},
  ): Promise<Result<State<T>>> {
    const given = { key, version, ...expected(expectedVersion) };
    return this.#calls.call("rollback_state", given, stateRow, toState<T>);
  }

  /**
   * Merges two changes that were made from the same version, as a new version.
   *
   * @returns `version_unknown`, and the errors of `set`. A conflict is not an error: `outcome` reports it.
   * @example
   * const ours = { value: await workOffline({ step: 3 }) };
   * await agent.state.reconcile("plan", { strategy: "merge", base: 1, ours });
   */
  reconcile<T = unknown>(key: string, options: Reconcile): Promise<Result<Reconciled<T>>> {
    const given = reconcileRequest(key, options);
    if (given.error) return Promise.resolve(given);
    return this.#calls.call("reconcile_state", given.data, reconciled, toReconciled<T>);
  }

  /**
   * Calls the handler with each change of a state, of all states with a prefix (`"steps/*"`), or of all
   * (`"*"`), until `stop()`. Each version arrives once and in order, even if the connection drops. If a version
   * is no longer kept when the watch fetches it (100 versions later), it is skipped. The last version is never
   * skipped. Needs `state:read`.
   *
   * @param options `since` and `store` as in {@link WatchOptions}; `since: null` starts with the existing
   * states.
   * @example
   * const { data: watch } = await agent.state.of(helper.id).watch("plan", ({ version, value }) => {
   *   console.log(version, value);
   * });
   */
  watch<T = unknown>(
    key: string,
    handler: StateHandler<T>,
    options: StateWatchOptions = {},
  ): Promise<Result<Watch>> {
    return watchStates(this.#link, this.#log, this.#owner, key, handler as StateHandler, options);
  }
}

const stateOrNull = <T>(row: StateRow | null) => row && toState<T>(row);
