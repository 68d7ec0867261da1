import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import { type Left, notPushed } from "../link/unsent-at-close.ts";
import { pushLast } from "./last-push.ts";
import type { Outboxes } from "./outboxes.ts";

/**
 * Pushes, as the caller, the operations that agents could not push, and returns how many are left.
 */
export async function pushRest(
  link: Link,
  outboxes: Outboxes,
  errors: MayflyError[],
  limit: Limit,
): Promise<Result<null>> {
  let cause = errors.find(({ code }) => code === "not_pushed")?.cause as MayflyError | undefined;
  let rest: Left | null = null;
  const outbox = link.tenantId && outboxes.of(link.tenantId);
  if (outbox && outbox.waiting() > 0 && cause?.code !== "unavailable") {
    rest = await pushLast(link, outbox, null, limit);
  }
  cause = rest?.cause ?? cause;
  const unsynced = outboxes.all().reduce((sum, one) => sum + one.waiting(), 0);
  const refused = errors.reduce((sum, error) => sum + refusedOf(error), rest?.refused ?? 0);
  await Promise.all(outboxes.all().map((one) => one.close()));
  if (unsynced + refused > 0) {
    return failed(
      notPushed("The Mayfly is closed", { unsynced, refused, cause: cause ?? null }, { errors }),
    );
  }
  const [first] = errors.filter(({ code }) => code !== "not_pushed");
  return first ? failed(first) : ok(null);
}

function refusedOf({ details }: MayflyError): number {
  const { refused = 0 } = (details ?? {}) as { refused?: number };
  return refused;
}
