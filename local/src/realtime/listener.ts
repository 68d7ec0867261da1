import postgres from "postgres";
import type { Logger } from "../log.ts";

/** A LISTEN that is restored after every lost connection. */
export interface Listener {
  readonly listening: boolean;
  /** Resolves the first time it listens. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

const firstRetryMs = 100;
const lastRetryMs = 5_000;

/**
 * Listens on a channel with its own connection. It does not use `sql.listen`, which silently gives
 * up when its first attempt after a lost connection fails.
 */
export async function listen(
  url: string,
  channel: string,
  onNotification: (payload: string) => void,
  log: Logger,
): Promise<Listener> {
  let listening = false;
  let closed = false;
  let retryMs = firstRetryMs;
  let timer: NodeJS.Timeout | undefined;
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();

  const options = {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => {},
    onclose: lost,
    // Missing in the types of postgres.js 3.4.9.
    onnotify: (_channel: string, payload: string) => onNotification(payload),
    connection: { application_name: "realtime listener" },
  };
  const sql = postgres(url, options);

  async function start(): Promise<void> {
    await sql`listen ${sql(channel)}`;
    listening = true;
    retryMs = firstRetryMs;
    isReady();
  }

  function lost(): void {
    if (closed) return;
    if (listening) log.warn("Realtime lost its connection to the database and reconnects.");
    listening = false;
    clearTimeout(timer);
    timer = setTimeout(() => start().catch(lost), retryMs);
    timer.unref();
    retryMs = Math.min(retryMs * 2, lastRetryMs);
  }

  await start().catch(async (error: unknown) => {
    closed = true;
    clearTimeout(timer);
    await sql.end({ timeout: 1 });
    throw error;
  });
  return {
    get listening() {
      return listening;
    },
    ready,
    async close() {
      closed = true;
      listening = false;
      clearTimeout(timer);
      await sql.end({ timeout: 1 });
    },
  };
}
