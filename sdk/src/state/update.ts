import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { stateRow, swapped } from "./answers.ts";
import type { StateCalls } from "./calls.ts";
import { setRequest } from "./requests.ts";
import { type State, type StateRow, toState, type UpdateOptions } from "./types.ts";
import { versionConflict } from "./versions.ts";

/** The new value of a state. Undefined leaves it as it is. */
export type Change<T> = (
  value: T | undefined,
  state: State<T> | null,
) => T | undefined | Promise<T | undefined>;

/** If 80 callers change one state at once, the least lucky one needs about 20 tries. */
const defaultTries = 100;
/**
 * How long a writer pauses after it has lost: at first up to this long, or as long as a call takes. Each
 * further pause is up to twice as long.
 */
const pauseMs = 25;
const maxPauseMs = 5_000;

/** Reads a state, and writes the result of `change`. Repeats this until nobody else wrote first. */
export async function updateState<T>(
  calls: StateCalls,
  key: string,
  change: Change<T>,
  { tries = defaultTries }: UpdateOptions,
): Promise<Result<State<T> | null>> {
  const read = await calls.call("get_state", { key }, stateRow.nullable(), (row) => row);
  if (read.error) return read;
  let row = read.data;
  let lost: MayflyError | undefined;
  for (let attempt = 1; attempt <= tries; attempt++) {
    const began = performance.now();
    const written = await swap(calls, key, row, change);
    if (written.error) return written;
    if (written.data.done) return ok(written.data.row && toState<T>(written.data.row));
    lost = versionConflict(key, row?.version ?? 0, written.data.row?.version ?? 0, attempt);
    row = written.data.row;
    // The answer to a lost try has the newest state, so a second try follows at once. After a pause, that state
    // is old. So the next try will probably lose, but it brings the newest state for the try after it.
    if (attempt % 2 === 0 && attempt < tries) await pause(attempt / 2, performance.now() - began);
  }
  return failed(lost ?? versionConflict(key, row?.version ?? 0, row?.version ?? 0, 0));
}

async function swap<T>(
  calls: StateCalls,
  key: string,
  row: StateRow | null,
  change: Change<T>,
): Promise<Result<{ done: boolean; row: StateRow | null }>> {
  const before = row && toState<T>(row);
  const value = await change(before?.value, before);
  if (value === undefined) return ok({ done: true, row });
  const given = setRequest(key, value, { expectedVersion: row?.version ?? 0 });
  if (given.error) return given;
  return await calls.call("swap_state", given.data, swapped, ({ written, state }) => ({
    done: written,
    row: state,
  }));
}

/**
 * Pauses with full jitter, so that writers that lost together do not come back at the same time. If the server
 * is busy and calls take longer, the pause is longer too.
 */
function pause(pauses: number, callMs: number): Promise<void> {
  const ms = Math.random() * Math.min(Math.max(pauseMs, callMs) * 2 ** pauses, maxPauseMs);
  return new Promise((resolve) => setTimeout(resolve, ms));
}
