import type { IntrospectResult } from "@supabase/lite";

/** What `JSON.rawJSON` makes, which TypeScript's library does not know yet. */
interface RawJson {
  rawJSON: string;
}
declare global {
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
  }
}

/** Parses what Postgres wrote so that `JSON.stringify` writes the same numbers again. */
export function parseExactly(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const keep = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source && context.source !== String(value)
      ? JSON.rawJSON(context.source)
      : value;
  return JSON.parse(text, keep);
}

type Table = { schema: string; name: string };

/**
 * The body with lists for columns that are no lists to Postgres, such as vectors, as text: PostgREST
 * gives them to the type's own input, lite would join them with commas.
 */
export function withTextForLists(
  body: string,
  table: Table,
  introspection: IntrospectResult,
): string {
  const columns = introspection.columns
    .filter((each) => each.table === table.name && each.schema === table.schema)
    .filter((each) => /^(vector|halfvec|sparsevec)$/.test(each.pg_type ?? ""))
    .map((each) => each.name);
  if (columns.length === 0) return body;
  let rows: unknown;
  try {
    rows = JSON.parse(body);
  } catch {
    return body;
  }
  for (const row of Array.isArray(rows) ? rows : [rows]) {
    if (typeof row !== "object" || row === null) continue;
    for (const column of columns)
      if (Array.isArray(row[column])) row[column] = JSON.stringify(row[column]);
  }
  return JSON.stringify(rows);
}
