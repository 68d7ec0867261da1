import type { z } from "zod";
import { failed, MayflyError, type Result } from "../contract/errors.ts";
import { pushAnswer, syncAnswer } from "../contract/log.ts";
import type { Operation } from "../contract/operation.ts";
import { version } from "../contract/version.ts";
import type { HybridClock } from "../link/hybrid-clock.ts";
import type { Link } from "../link/link.ts";

/**
 * How far an HTTP date can be behind the server's time. It has whole seconds, and servers cache its text:
 * Node's text was 116 ms late.
 */
const dateSpanMs = 2_000;

/** Pushes operations. The clock, if there is one, learns the server's time from each answer. */
export async function pushOperations(link: Link, push: Operation[], clock?: HybridClock) {
  let deployed = "";
  const answer = await callSync(link, clock, pushAnswer, { push, limit: 0 }, (headers) => {
    deployed = headers.get("x-mayfly-version") ?? "";
  });
  // Functions of an earlier release refuse operations that they do not know. The outbox must not treat this
  // as a final refusal.
  const isOld = deployed !== "" && releaseOf(deployed) !== releaseOf(version);
  return isOld && answer.error?.code === "invalid_operation"
    ? failed(notUpgraded(deployed, answer.error))
    : answer;
}

/** Patch releases count as equal. */
const releaseOf = (of: string) => of.split(".").slice(0, 2).join(".");

const notUpgraded = (deployed: string, cause: MayflyError) =>
  new MayflyError(
    {
      code: "version_unsupported",
      message: `The edge functions have version ${deployed}, and refuse what this SDK of version ${version} sends.`,
      hint: "Deploy the functions of the SDK's release: npx supabase functions deploy spawn sync query.",
      details: { functions: deployed, sdk: version },
    },
    { cause },
  );

/** Pulls a page. The clock learns the server's time from the answer. */
export const pullPage = (
  link: Link,
  clock: HybridClock,
  body: { since: string | null; limit?: number },
) => callSync(link, clock, syncAnswer, body);

async function callSync<T>(
  link: Link,
  clock: HybridClock | undefined,
  form: z.ZodType<T>,
  body: object,
  onHeaders?: (headers: Headers) => void,
): Promise<Result<T>> {
  const sentAt = clock?.local;
  let date = Number.NaN;
  const answer = await link.fn("sync", form, body, {
    onResponse: ({ headers }) => {
      date = Date.parse(headers.get("date") ?? "");
      onHeaders?.(headers);
    },
  });
  if (!clock || sentAt === undefined) return answer;
  // Ignore the time if the answer came from something in front of the server.
  if (answer.error?.code !== "unavailable") clock.learn(date, date + dateSpanMs, sentAt);
  const { server_ms: serverMs } = (answer.error?.details ?? {}) as { server_ms?: unknown };
  if (answer.error?.code === "clock_ahead" && typeof serverMs === "number")
    clock.setBack(serverMs, sentAt);
  return answer;
}
