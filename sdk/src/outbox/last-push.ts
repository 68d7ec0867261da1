import type { MayflyError } from "../contract/errors.ts";
import type { Left } from "../link/left.ts";
import type { Link } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import { Backoff } from "../link/retry.ts";
import type { Outbox } from "./outbox.ts";
import { type OnSettled, pushOutbox } from "./push.ts";

/** A push that finds nobody is tried again so often. */
const tries = 3;
const retryDelayMs = 500;

/** Pushes what waits, of `agentId` or (null) of all who are gone. Null: everything is on the server. */
export async function pushLast(
  link: Link,
  outbox: Outbox,
  agentId: string | null,
  limit: Limit,
  onSettled: OnSettled = () => {},
): Promise<Left | null> {
  let cause: MayflyError | null = null;
  let refused = 0;
  const waiting = () => outbox.waiting(agentId ?? undefined);
  const backoff = new Backoff({ firstMs: retryDelayMs, tries });
  for (;;) {
    // Another push of this process may have them under way.
    await Promise.race([outbox.settled(), limit.over]);
    if (waiting() === 0 || limit.isOver) break;
    const { data, error } = await pushOutbox(link, outbox, agentId, (operation, result) => {
      limit.extend();
      if (!result) refused++;
      onSettled(operation, result);
    });
    cause = error;
    if (!error) {
      // Nothing that it may push: what waits is a living agent's.
      if (data.pushed + data.rejected === 0 && !outbox.isBusy) break;
      continue;
    }
    const delay = error.code === "unavailable" ? backoff.next(error) : undefined;
    if (delay === undefined || limit.isOver) break;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, delay)), limit.over]);
  }
  const unsynced = waiting();
  return unsynced + refused > 0 ? { unsynced, refused, cause } : null;
}
