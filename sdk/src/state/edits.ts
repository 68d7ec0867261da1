import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import { expected } from "./requests.ts";
import type { IncrementOptions, StateEdit } from "./types.ts";

/** The arguments of `edit_state`. */
export function editRequest(
  key: string,
  edits: StateEdit[],
  expectedVersion?: number,
): Result<Record<string, unknown>> {
  const problem = problemOf(edits);
  if (problem) return failed(invalid("edits", problem));
  return ok({ key, edits, ...expected(expectedVersion) });
}

export const incrementOf = (by: number, { path = "" }: IncrementOptions): StateEdit => ({
  op: "inc",
  path,
  value: by,
});

/** The number at a JSON pointer (RFC 6901). The server has just written it. */
export function numberAt(value: unknown, path = ""): number {
  const parts = path.split("/").slice(1);
  const found = parts
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((inner, part) => Object(inner)[part], value);
  return Number(found);
}
