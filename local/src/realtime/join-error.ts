/** A refused join, in the server's words. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  /** Whether the socket is closed after the answer. */
  readonly disconnect: boolean;
  /** Whether the server refuses at once. Otherwise it waits before it refuses. */
  readonly atOnce: boolean;

  constructor(reason: string, { disconnect = false, atOnce = false } = {}) {
    super(reason);
    this.disconnect = disconnect;
    this.atOnce = atOnce;
  }
}
