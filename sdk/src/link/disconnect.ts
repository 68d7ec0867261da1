import type { SupabaseClient } from "@supabase/supabase-js";

/** What realtime-js has and does not declare. */
interface Connection {
  socketAdapter: {
    disconnect(closed: () => void, code?: number, reason?: string, timeoutMs?: number): unknown;
  };
  _cancelPendingDisconnect(): void;
}

/**
 * Closes a client's live connection, if it has one.
 *
 * realtime-js's own `disconnect` starts a timer of 10 s that nobody clears, and a Node process lives
 * until it is over: https://github.com/supabase/supabase-js/pull/2666. Here it is one of 0 s.
 */
export function disconnect(client: Pick<SupabaseClient, "realtime">): Promise<void> {
  const connection = client.realtime as unknown as Connection;
  connection._cancelPendingDisconnect();
  return new Promise((resolve) => {
    // Timers of one length end in the order in which they were set: when this one does, none is left.
    const closed = () => setTimeout(resolve, 0);
    connection.socketAdapter.disconnect(closed, undefined, undefined, 0);
  });
}
