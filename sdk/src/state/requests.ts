import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf, problemOfDate } from "../contract/storable.ts";
import type { Reconcile, SetOptions } from "./types.ts";

/** The parameters of a function of the database. */
type Request = Result<Record<string, unknown>>;

export function setRequest(key: string, value: unknown, options: SetOptions): Request {
  if (value === undefined) return failed(invalid("value", "must be JSON; to delete, call delete"));
  const { expectedVersion, expiresAt } = options;
  return fit({ value: problemOf(value), expiresAt: problemOfDate(expiresAt) }, () => ({
    key,
    value,
    ...expected(expectedVersion),
    ...(expiresAt && { expires_at: expiresAt.toISOString() }),
  }));
}

export const patchRequest = (key: string, patch: object, expectedVersion?: number): Request =>
  fit({ patch: problemOf(patch) }, () => ({ key, patch, ...expected(expectedVersion) }));

export function reconcileRequest(key: string, options: Reconcile): Request {
  const { strategy, base, ours, theirs, expectedVersion } = options;
  const problems =
    "value" in ours
      ? { "ours.value": problemOf(ours.value), "ours.at": problemOfDate(ours.at) }
      : {};
  return fit(problems, () => ({
    key,
    strategy,
    ...(base !== undefined && { base_version: base }),
    ...("version" in ours
      ? { ours_version: ours.version }
      : { ours: ours.value, ...(ours.at && { ours_at: ours.at.toISOString() }) }),
    ...(theirs !== undefined && { theirs_version: theirs }),
    ...expected(expectedVersion),
  }));
}

/** Renames `limit`, because it is a keyword in SQL. */
export const pageRequest = ({ limit, ...rest }: { limit?: number }): Record<string, unknown> => ({
  ...rest,
  ...(limit !== undefined && { page_limit: limit }),
});

export const expected = (version: number | undefined) =>
  version === undefined ? {} : { expected_version: version };

/** The request, or the error of the first field that has a problem. */
function fit(
  problems: Record<string, string | undefined>,
  request: () => Record<string, unknown>,
): Request {
  for (const [field, problem] of Object.entries(problems))
    if (problem) return failed(invalid(field, problem));
  return ok(request());
}
