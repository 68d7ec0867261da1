/** What of a caller's values can be sent as JSON, and stored by Postgres. */
import { isChangedNumber, numberRule } from "./numbers.ts";

/** Postgres stores neither U+0000 nor half a surrogate pair. */
export const isStorable = (text: string) => text.isWellFormed() && !text.includes("\0");
export const storableRule = "must not have U+0000 or half a surrogate pair";
const jsonRule = "must be JSON: without cycles and BigInts, and not nested too deep";

/** Either as JSON escapes it; behind an escaped backslash it is a text that looks like it. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** What keeps a value from being sent as JSON; undefined where nothing does. */
export const unwritable = (value: unknown): string | undefined =>
  toJson(value) === undefined ? jsonRule : undefined;

/** What keeps a value from being stored as JSON; undefined where nothing does. */
export function problemOf(value: unknown): string | undefined {
  let isChanged = false;
  const text = toJson(value, function (key, inner) {
    isChanged ||= isChangedNumber(this, key, inner);
    return inner;
  });
  if (text === undefined) return jsonRule;
  if (isChanged) return numberRule;
  return unstorable.test(text) ? storableRule : undefined;
}

/** What is wrong with an instant; undefined where nothing is, or it is left out. */
export function problemOfDate(at: Date | undefined): string | undefined {
  try {
    at?.toISOString();
    return undefined;
  } catch {
    return "must be a valid Date";
  }
}

function toJson(
  value: unknown,
  replacer?: (this: object, key: string, value: unknown) => unknown,
): string | undefined {
  try {
    return JSON.stringify(value, replacer);
  } catch {
    return undefined;
  }
}
