import type { z } from "zod";
import type { Result } from "../contract/errors.ts";
import { pushAnswer, syncAnswer } from "../contract/log.ts";
import type { Operation } from "../contract/schemas.ts";
import type { HybridClock } from "../link/hybrid-clock.ts";
import type { Link } from "../link/link.ts";

/** An HTTP date has whole seconds, and servers cache its text for a while. Node's was 116 ms late. */
const dateSpanMs = 2_000;

/** Pushes operations. Each answer tells the clock the server's time. */
export const pushOperations = (link: Link, clock: HybridClock, push: Operation[]) =>
  callSync(link, clock, pushAnswer, { push, limit: 0 });

/** Pulls a page. Each answer tells the clock the server's time. */
export const pullPage = (
  link: Link,
  clock: HybridClock,
  body: { since: string | null; limit?: number },
) => callSync(link, clock, syncAnswer, body);

async function callSync<T>(
  link: Link,
  clock: HybridClock,
  form: z.ZodType<T>,
  body: object,
): Promise<Result<T>> {
  const sentAt = clock.local;
  let date = Number.NaN;
  const answer = await link.fn("sync", form, body, {
    onResponse: (response) => {
      date = Date.parse(response.headers.get("date") ?? "");
    },
  });
  // The time of something in front of the server is not the server's.
  if (answer.error?.code !== "unavailable") clock.learn(date, date + dateSpanMs, sentAt);
  const { server_ms: serverMs } = (answer.error?.details ?? {}) as { server_ms?: unknown };
  if (answer.error?.code === "clock_ahead" && typeof serverMs === "number")
    clock.setBack(serverMs, sentAt);
  return answer;
}
