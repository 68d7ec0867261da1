/** Checks whether values can be sent as JSON and stored by Postgres. */
import { isChangedNumber, numberRule } from "./numbers.ts";

/** Postgres cannot store U+0000, or half a surrogate pair. */
export const isStorable = (text: string) => text.isWellFormed() && !text.includes("\0");
export const storableRule = "must not have U+0000 or half a surrogate pair";
const jsonRule = "must be JSON: without cycles and BigInts, and not nested too deep";

/** The JSON escapes of these two. After an escaped backslash, the same characters are ordinary text. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Why a value cannot be sent as JSON. Undefined for a value that can be sent. */
export const unwritable = (value: unknown): string | undefined =>
  toJson(value) === undefined ? jsonRule : undefined;

/** Why a value cannot be stored as JSON. Undefined for a value that can be stored. */
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

/** Why a Date is not valid. Undefined if it is valid or absent. */
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
