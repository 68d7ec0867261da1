import { failed, MayflyError, type Result } from "../contract/errors.ts";

/** When a client ends, it waits no longer than this for a server that does not answer. */
export const silenceMs = 10_000;

/** What has not reached the server at the end, and why. */
export interface Left {
  /** Operations that wait in the outbox. */
  unsynced: number;
  /** Operations that the server refused for good: dead letters. */
  refused: number;
  cause: MayflyError | null;
}

/** Adds to the result of ending a client what has not reached the server. */
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
          "They are in the outbox. Push them with mayfly.outbox.drain() or the sync of another agent; without the option storage, they are lost when this process ends.",
        ]
      : []),
    ...(refused > 0 ? ["agent.outbox.refused has the reason for each."] : []),
  ].join(" ");
