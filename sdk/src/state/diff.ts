import { failed, ok, type Result } from "../contract/errors.ts";
import type { State, StateVersion } from "./types.ts";
import { unknownVersion } from "./versions.ts";

/** A difference between two JSON values. */
export interface StateDifference {
  /** The keys that lead to the difference. Empty for the value as a whole. */
  path: string[];
  /** Missing if it did not exist before. */
  from?: unknown;
  /** Missing if it no longer exists. */
  to?: unknown;
}

/** Compares objects key by key, deeply. Everything else, including lists, is compared as a whole. */
export function diffValues(from: unknown, to: unknown, path: string[] = []): StateDifference[] {
  if (isObject(from) && isObject(to)) {
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return keys.flatMap((key) => diffValues(own(from, key), own(to, key), [...path, key]));
  }
  if (equal(from, to)) return [];
  return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const own = (object: Record<string, unknown>, key: string) =>
  Object.hasOwn(object, key) ? object[key] : undefined;

function equal(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => equal(item, other[at]));
  if (isObject(one) && isObject(other)) return diffValues(one, other).length === 0;
  return Object.is(one, other);
}

/** Reads a state, now and at earlier versions. */
interface Reader {
  get(key: string): Promise<Result<State | null>>;
  at(key: string, version: number): Promise<Result<StateVersion | null>>;
}

/** What changed between two versions, or since one. */
export async function diffVersions(
  states: Reader,
  key: string,
  from: number,
  to: number | undefined,
): Promise<Result<StateDifference[]>> {
  const before = await states.at(key, from);
  if (before.error) return before;
  const after = to === undefined ? await states.get(key) : await states.at(key, to);
  if (after.error) return after;
  const missing = !before.data ? from : to !== undefined && !after.data ? to : undefined;
  if (missing !== undefined) return failed(unknownVersion(missing));
  return ok(diffValues(before.data?.value, after.data?.value));
}
