/** Quotes values in filters of the Data API, so that special characters have no effect. */

/** Puts a value in quotes, in the form that both PostgREST and Postgres read. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** A list for `cs`, `cd` and `ov`: Postgres's own form of an array. */
export const arrayOf = (texts: readonly string[]): string => `{${texts.map(quoted).join(",")}}`;

/** A list for `in`. */
export const listOf = (texts: readonly string[]): string => `(${texts.map(quoted).join(",")})`;
