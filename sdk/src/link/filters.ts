/** Values in the filters of the Data API, quoted so that each stays what it is. */

/** In quotes, as PostgREST and Postgres both read them. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** A list for `cs`, `cd` and `ov`: Postgres's own form of an array. */
export const arrayOf = (texts: readonly string[]): string => `{${texts.map(quoted).join(",")}}`;

/** A list for `in`. */
export const listOf = (texts: readonly string[]): string => `(${texts.map(quoted).join(",")})`;
