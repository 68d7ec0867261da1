/** The result of `JSON.rawJSON`, which TypeScript's library does not have yet. */
interface RawJson {
  rawJSON: string;
}
declare global {
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
  }
}

/** Parses JSON from Postgres so that `JSON.stringify` writes the same numbers again. */
export function parseExactly(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const keep = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source && context.source !== String(value)
      ? JSON.rawJSON(context.source)
      : value;
  return JSON.parse(text, keep);
}
