import type { Logger } from "../log.ts";
import type { Authenticate } from "./credentials.ts";
import type { Database } from "./database.ts";
import type { Faults } from "./faults.ts";
import type { Hub } from "./hub.ts";
import type { Rates, RealtimeLimits } from "./limits.ts";
import type { Presence } from "./presence.ts";
import type { Frame, Version } from "./serializer.ts";

/** What all sockets and requests of one project share. */
export interface Context {
  readonly limits: RealtimeLimits;
  readonly rates: Rates;
  readonly hub: Hub;
  readonly presence: Presence;
  /** The sockets that have joined a channel. The plan limits their number. */
  readonly users: Set<object>;
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Faults to inject, only for tests. */
  readonly faults: Faults | undefined;
  readonly log: Logger;
}

/** What a channel knows of its socket. */
export interface Connection {
  readonly version: Version;
  /** The API key with which it was opened. */
  readonly token: string;
  /** The connection's `x-…` request headers, which policies see as `request.headers`. */
  readonly headers: Record<string, string>;
  send(frame: Frame): void;
  /** Drops the connection without a closing handshake. */
  terminate(): void;
  /**
   * Called when the channel has ended. From then on, frames with the topic of the channel belong to
   * no channel.
   */
  forget(topic: string): void;
}
