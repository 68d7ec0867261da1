import type { MayflyError, Result } from "../contract/errors.ts";

/** A listener of a topic. */
export interface TopicListener {
  /** Called with each broadcast from a client or from the database. */
  onMessage?: (event: string, payload: Record<string, unknown>) => void;
  /**
   * Called with true when broadcasts of the database begin to arrive, also after each reconnection. Earlier
   * broadcasts may have been missed, so pull once. Called with false when they no longer arrive.
   */
  onJoined?: (joined: boolean) => void;
  /** Called with the reason why the topic could not be joined. The join is retried. */
  onError?: (error: MayflyError) => void;
}

/** A private Realtime topic to which a client listens. */
export interface Topic {
  readonly joined: boolean;
  /** Resolves when the first join has succeeded or was refused. */
  readonly ready: Promise<Result<null>>;
  /**
   * Broadcasts to current listeners. If the sender may not send, Realtime drops the broadcast without an
   * answer, and the call fails after `timeoutMs`, 5,000 by default.
   *
   * @returns `broadcast_refused`, `unavailable`.
   */
  send(event: string, payload: Record<string, unknown>, timeoutMs?: number): Promise<Result<null>>;
  leave(): Promise<void>;
}
