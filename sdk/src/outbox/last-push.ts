import { failed, MayflyError, type Result } from "../contract/errors.ts";
import type { MayflyClient } from "../link/call.ts";
import { jittered } from "../link/jitter.ts";
import type { Limit } from "../link/requests.ts";
import type { Outbox } from "./outbox.ts";
import { type OnSettled, pushOutbox } from "./push.ts";

/** A client that ends waits for the server no longer than this without an answer. */
export const silenceMs = 10_000;
/** A push that finds nobody is tried again so often. */
const tries = 3;
const retryDelayMs = 500;

/** What is not on the server at the end, and why. */
export interface Left {
  /** Operations that wait in the outbox. */
  unsynced: number;
  /** Operations that the server refused for good: dead letters. */
  refused: number;
  cause: MayflyError | null;
}

/** Pushes what waits, of `agentId` or (null) of all who are gone. Null: everything is on the server. */
export async function pushLast(
  client: MayflyClient,
  outbox: Outbox,
  agentId: string | null,
  limit: Limit,
  onSettled: OnSettled = () => {},
): Promise<Left | null> {
  let cause: MayflyError | null = null;
  let refused = 0;
  const waiting = () => outbox.waiting(agentId ?? undefined);
  for (let attempt = 1; ; ) {
    // Another push of this process may have them under way.
    await Promise.race([outbox.settled(), limit.over]);
    if (waiting() === 0 || limit.isOver) break;
    const { data, error } = await pushOutbox(client, outbox, agentId, (operation, result) => {
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
    if (error.code !== "unavailable" || attempt === tries || limit.isOver) break;
    const delay = jittered(retryDelayMs * attempt++);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, delay)), limit.over]);
  }
  const unsynced = waiting();
  return unsynced + refused > 0 ? { unsynced, refused, cause } : null;
}

/** A result of an end, which says what is not on the server. */
export function withLeft<T>(answer: Result<T>, left: Left | null, what: string): Result<T> {
  if (!left) return answer;
  const { unsynced, refused, cause } = left;
  const { error } = answer;
  if (!error) return failed(notPushed(what, left, { result: answer.data }));
  const { code, message, hint, details, requestId } = error;
  const body = {
    code,
    message,
    hint: [hint, hintOf(left)].filter(Boolean).join(" "),
    details: { ...(typeof details === "object" && details), unsynced, refused },
    ...(requestId && { request_id: requestId }),
  };
  return failed(new MayflyError(body, { cause: cause ?? error }));
}

export function notPushed(what: string, left: Left, more: object = {}): MayflyError {
  const { unsynced, refused, cause } = left;
  const counts = [
    ...(unsynced > 0 ? [`${unsynced} of its operations are not pushed`] : []),
    ...(refused > 0 ? [`the server refused ${refused}`] : []),
  ];
  const message = `${what}, but ${counts.join(", and ")}${cause ? `: ${cause.message}` : "."}`;
  const details = { ...more, unsynced, refused };
  return new MayflyError(
    { code: "not_pushed", message, hint: hintOf(left), details },
    cause ? { cause } : undefined,
  );
}

const hintOf = ({ unsynced, refused }: Left) =>
  [
    ...(unsynced > 0
      ? [
          "They are in the outbox: mayfly.drain() pushes them, or the next agent's sync. Without the option storage, they are lost when this process ends.",
        ]
      : []),
    ...(refused > 0 ? ["deadLetters says why each was refused."] : []),
  ].join(" ");
