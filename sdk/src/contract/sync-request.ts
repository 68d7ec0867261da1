/** The body of `POST /sync`. */
import { z } from "zod";
import { oldOperation } from "./old-operation.ts";
import { operation } from "./operation.ts";

export const syncRequest = z.strictObject({
  push: z
    .array(z.union([operation, oldOperation]))
    .max(1000)
    .optional(),
  /**
   * The cursor of the last answer. Null starts a first sync, which pages through all memories before the log.
   * `now` returns only a cursor at the end of the log.
   */
  since: z.string().max(10_000).nullish(),
  /**
   * How many events, or memories of a first sync, a page has. 0 only pushes. 500 by default. A page ends
   * earlier if its memories would exceed about 4 MB.
   */
  limit: z.int().min(0).max(1000).optional(),
});

/** An operation as a client may push it. */
export type Pushed = NonNullable<z.infer<typeof syncRequest>["push"]>[number];

type Issue = z.core.$ZodIssue;

/**
 * The first fault in a body. If the fault is in an operation, its path fits the form in which the operation was
 * sent, old or new.
 */
export function faultOf({ issues }: z.ZodError, body: unknown): Issue | undefined {
  const [issue] = issues;
  if (issue?.code !== "invalid_union") return issue;
  const sent = issue.path.reduce(
    (at, name) => (at as Record<PropertyKey, unknown> | null)?.[name],
    body,
  );
  const isOld = typeof sent === "object" && sent !== null && "memory" in sent;
  const [inside] = issue.errors[isOld ? 1 : 0] ?? [];
  return inside && { ...inside, path: [...issue.path, ...inside.path] };
}
