import type { MayflyError } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import { Backoff } from "../link/retry.ts";
import type { Left } from "../link/unsent-at-close.ts";
import type { Outbox } from "./outbox.ts";
import { type OnSettled, pushOutbox } from "./push.ts";

/** How many times in all to try a push that does not reach the server. */
const tries = 3;
const retryDelayMs = 500;

/**
 * Pushes the waiting operations of `agentId`. If it is null, pushes those of all agents that have ended.
 * Returns null if everything is on the server.
 */
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
    // Another push of this process may be sending these operations.
    await Promise.race([outbox.settled(), limit.over]);
    if (waiting() === 0 || limit.isOver) break;
    const { data, error } = await pushOutbox(link, outbox, agentId, (operation, result) => {
      limit.extend();
      if (!result) refused++;
      onSettled(operation, result);
    });
    cause = error;
    if (!error) {
      // There is nothing to push, because the waiting operations belong to a living agent.
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
