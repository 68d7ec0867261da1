import type { SupabaseClient } from "@supabase/supabase-js";

/**
 * Members of realtime-js that it does not declare. Older versions of realtime-js do not have these members.
 */
interface Connection {
  socketAdapter?: {
    disconnect(closed: () => void, code?: number, reason?: string, timeoutMs?: number): unknown;
  };
  _cancelPendingDisconnect?(): void;
}

/**
 * Closes a client's live connection, if it has one. `disconnect` of realtime-js starts a timer of 10 s that
 * nobody clears, which keeps a Node process alive: https://github.com/supabase/supabase-js/pull/2666. Here
 * the timer is set to 0 s.
 */
export function disconnect({ realtime }: Pick<SupabaseClient, "realtime">): Promise<void> {
  const connection = realtime as unknown as Connection;
  const { socketAdapter } = connection;
  if (!socketAdapter) return disconnectOlder(realtime);
  connection._cancelPendingDisconnect?.();
  return new Promise((resolve) => {
    // Timers of the same length end in the order in which they were set. When this one ends, the
    // others have ended.
    const closed = () => setTimeout(resolve, 0);
    socketAdapter.disconnect(closed, undefined, undefined, 0);
  });
}

/** Older versions wait for the server's answer for only 100 ms. */
const olderMs = 110;

function disconnectOlder(realtime: SupabaseClient["realtime"]): Promise<void> {
  void realtime.disconnect();
  if (!realtime.isDisconnecting()) return Promise.resolve();
  return new Promise((resolve) => setTimeout(resolve, olderMs));
}
