/** Numbers that JavaScript does not hold as they were written, and would change without a word. */

export const numberRule =
  "must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53; send such numbers as strings";

/** A text has a number in doubt only where it has so many digits, or an exponent. Most have none. */
const inDoubt = /\d{16}|\d[eE][+-]?\d{2}/;

/** Where `parseJson` changed a number: the keys of the objects and lists that it made. */
const changed = new WeakMap<object, Set<string>>();

/** Whether a number of JSON is, as JavaScript reads it, what was written. */
function isHeld(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return !/[1-9]/.test(source.replace(/[eE].*/, ""));
  return !/^-?\d+$/.test(source) || Number.isSafeInteger(value) || BigInt(source) === BigInt(value);
}

type Reviver = (this: object, key: string, value: unknown, context: { source?: string }) => unknown;

/** `JSON.parse`; what it changes of a number, `hasChangedNumber` knows afterwards. */
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
 * Whether a value, `key` of `holder`, is a number that is not what was written. Of one that never was
 * a text the writing is unknown: an integer beyond 2^53 may be another than was meant, up to 1e21,
 * from where on JSON writes it with an exponent.
 */
export const isChangedNumber = (holder: object, key: string, value: unknown): boolean =>
  typeof value === "number" &&
  (changed.get(holder)?.has(key) === true ||
    !Number.isFinite(value) ||
    (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21));
