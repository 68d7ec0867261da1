/** The errors with which the arbiter ends a client's connection. */
import { firstError, type PgError } from "./protocol.ts";

type Ending = Omit<PgError, "severity">;

/** The client held the backend for too long while others waited. */
export const blocking = (held: string, ms: number): Ending => ({
  sqlstate: "25P03",
  message: `terminating connection: ${held} for ${ms} ms while others waited`,
  hint: "The embedded database has one session. Keep transactions short.",
});

/**
 * The client's session cannot be restored, for example because its role was dropped.
 *
 * @param answer the backend's answer to the attempt.
 */
export function unrestorable(answer: Buffer | undefined): Ending {
  const why = answer && firstError(answer);
  return {
    sqlstate: why?.sqlstate ?? "XX000",
    message: `the session could not be restored: ${why?.message ?? "unknown error"}`,
  };
}
