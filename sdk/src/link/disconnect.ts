import type { SupabaseClient } from "@supabase/supabase-js";

/** What realtime-js has and does not declare; older ones have neither. */
interface Connection {
  socketAdapter?: {
    disconnect(closed: () => void, code?: number, reason?: string, timeoutMs?: number): unknown;
  };
  _cancelPendingDisconnect?(): void;
}

/**
 * Closes a client's live connection, if it has one.
 *
 * realtime-js's own `disconnect` starts a timer of 10 s that nobody clears, and a Node process lives
 * until it is over: https://github.com/supabase/supabase-js/pull/2666. Here it is one of 0 s.
 */
export function disconnect({ realtime }: Pick<SupabaseClient, "realtime">): Promise<void> {
  const connection = realtime as unknown as Connection;
  const { socketAdapter } = connection;
  if (!socketAdapter) return disconnectOlder(realtime);
  connection._cancelPendingDisconnect?.();
  return new Promise((resolve) => {
    // Timers of one length end in the order in which they were set: when this one does, none is left.
    const closed = () => setTimeout(resolve, 0);
    socketAdapter.disconnect(closed, undefined, undefined, 0);
  });
}

/** An older one gives up waiting for the server's answer after 100 ms. */
const olderMs = 110;

function disconnectOlder(realtime: SupabaseClient["realtime"]): Promise<void> {
  void realtime.disconnect();
  if (!realtime.isDisconnecting()) return Promise.resolve();
  return new Promise((resolve) => setTimeout(resolve, olderMs));
}
