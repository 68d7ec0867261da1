import type { MayflyError, Result } from "../contract/errors.ts";

/** Who listens to a topic. */
export interface TopicListener {
  /** A broadcast, of a client or of the database. */
  onMessage?: (event: string, payload: Record<string, unknown>) => void;
  /**
   * True: from here on nothing that the database sends is missed, so pull once now. Also after each
   * reconnection. False: nothing comes at the moment.
   */
  onJoined?: (joined: boolean) => void;
  /** Why it could not be joined; it is tried again. */
  onError?: (error: MayflyError) => void;
}

/** A private Realtime topic that a client listens to. */
export interface Topic {
  readonly joined: boolean;
  /** When the first join has succeeded, or been refused. */
  readonly ready: Promise<Result<null>>;
  /**
   * Broadcasts to who listens now. Realtime drops without an answer what the sender may not send: then
   * it fails after `timeoutMs`, 5,000 by default.
   *
   * @returns `broadcast_refused`, `unavailable`.
   */
  send(event: string, payload: Record<string, unknown>, timeoutMs?: number): Promise<Result<null>>;
  leave(): Promise<void>;
}
