/** Numbers that JavaScript cannot hold exactly, and would change silently. */

export const numberRule =
  "must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53; send such numbers as strings";

/**
 * Only a text with 16 digits in a row, or with an exponent, can contain such a number. Most texts do not
 * match.
 */
const inDoubt = /\d{16}|\d[eE][+-]?\d{2}/;

/** For objects and lists, the keys of the numbers that `parseJson` changed. */
const changed = new WeakMap<object, Set<string>>();

/** Whether JavaScript reads a JSON number as it was written. */
function isHeld(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return !/[1-9]/.test(source.replace(/[eE].*/, ""));
  return !/^-?\d+$/.test(source) || Number.isSafeInteger(value) || BigInt(source) === BigInt(value);
}

type Reviver = (this: object, key: string, value: unknown, context: { source?: string }) => unknown;

/** Like `JSON.parse`, but remembers for `hasChangedNumber` which numbers it changed. */
export function parseJson(text: string): unknown {
  if (!inDoubt.test(text)) return JSON.parse(text);
  const note: Reviver = function (key, value, { source }) {
    if (typeof value === "number" && source !== undefined && !isHeld(source))
      changed.set(this, (changed.get(this) ?? new Set()).add(key));
    return value;
  };
  return JSON.parse(text, note as Parameters<typeof JSON.parse>[1]);
}

/**
 * Whether a value (the field `key` of `holder`) is a number that differs from what was written. This is
 * unknown for a value that was never text. Such a value counts as changed if it is an integer from 2^53 to
 * 1e21. From 1e21 on, JSON writes an exponent.
 */
export const isChangedNumber = (holder: object, key: string, value: unknown): boolean =>
  typeof value === "number" &&
  (changed.get(holder)?.has(key) === true ||
    !Number.isFinite(value) ||
    (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21));
