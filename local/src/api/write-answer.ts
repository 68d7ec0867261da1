import type { RequestContext, Said } from "./context.ts";
import { apiError } from "./errors.ts";
import type { Mutation, Table } from "./mutation.ts";
import { applied, type Preferences, tooManyAffected } from "./preferences.ts";

/** The refusal of a write with too many or too few rows, which is rolled back. */
export function wrongCount(
  { method }: Mutation,
  { preferences, headers }: RequestContext,
  rows: number,
): Response | undefined {
  if (method === "PUT" && rows !== 1)
    return apiError(400, {
      code: "PGRST115",
      message: "Payload values do not match URL in primary key column(s)",
    });
  if (method === "PATCH" || method === "DELETE") {
    const refused = tooManyAffected(preferences, rows);
    if (refused) return refused;
  }
  if (rows === 1 || !headers.accept?.includes("application/vnd.pgrst.object")) return undefined;
  return apiError(406, {
    code: "PGRST116",
    message: "Cannot coerce the result to a single JSON object",
    details: `The result contains ${rows} rows`,
  });
}

export function locationOf(
  { name }: Table,
  key: string[],
  row: Record<string, string | null>,
): string | null {
  const parameters = key.flatMap((column) => {
    if (!(column in row)) return [];
    const value = row[column] === null ? "is.null" : `eq.${row[column]}`;
    return [`${encodeURIComponent(column)}=${encodeURIComponent(value)}`];
  });
  return parameters.length === 0 ? null : `/${encodeURIComponent(name)}?${parameters.join("&")}`;
}

export function statusOf(
  method: Mutation["method"],
  preferences: Preferences,
  { inserted }: Said,
): number {
  const full = preferences.return === "representation";
  if (method === "POST")
    return preferences.resolution === "merge-duplicates" && Number(inserted ?? 0) <= 0 ? 200 : 201;
  if (!full) return 204;
  return method === "PUT" && Number(inserted ?? 0) > 0 ? 201 : 200;
}

export function rangeOf(
  method: Mutation["method"],
  { count }: Preferences,
  rows: number,
): string | undefined {
  if (method === "PUT") return undefined;
  const total = count === "exact" || count === "estimated" ? rows : "*";
  return method === "PATCH" && rows > 0 ? `0-${rows - 1}/${total}` : `*/${total}`;
}

export function appliedTo(
  method: Mutation["method"],
  { preferences }: RequestContext,
  { conflict }: Mutation,
) {
  const { resolution: _, ...rest } = preferences;
  return applied(method === "POST" && !conflict ? rest : preferences, method);
}
