/**
 * Works around a fault of the driver (postgres.js 3.4.9). If a connection ends while a statement
 * runs, the next `reserve` that reopens the connection fails with the old error, and the connection
 * never returns to the pool. Once the pool has lost all its connections, every request waits
 * forever. Without `fetch_types`, this happens even if no connection was lost. In that case, `begin`
 * throws where nobody can catch the error, which ends the process. So here, each reserved connection
 * is a client of its own with one connection, and is discarded when that connection ends.
 *
 * sdk/src/link/postgres-pool.ts does the same for the SDK. Neither package imports the other, so a
 * change belongs in both.
 */
import { once } from "node:events";
import net, { type Socket } from "node:net";
import postgres, { type ReservedSql, type Sql, type TransactionSql } from "postgres";

interface Client {
  readonly sql: Sql;
  /**
   * Whether the connection has ended. Then another statement would open a new connection, outside
   * the transaction.
   */
  isLost: boolean;
}

interface Waiting {
  resolve(client: Client): void;
  reject(error: Error): void;
}

interface Address {
  host: string[];
  port: number[];
  path?: string | false;
}

const closed = "CONNECTION_CLOSED";
const connectMs = 30_000;

async function connect(to: Address, lose: () => void): Promise<Socket> {
  const {
    host: [host = ""],
    port: [port = 0],
    path,
  } = to;
  const socket = path ? net.connect(path) : net.connect(port, host);
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(connectMs) });
    return Object.assign(socket, { host, port });
  } catch (error) {
    socket.destroy();
    lose();
    throw error;
  }
}

const ended = (code: string) =>
  Object.assign(new Error("The connection to the database has ended."), { code });

/**
 * Replaces `reserve` and `begin`. Together, the two use at most as many connections as the pool may
 * have.
 */
export function withSafeReserve(sql: Sql): Sql {
  const { options, end } = sql;
  const all = new Set<Client>();
  const idle: Client[] = [];
  let waiting: Waiting[] = [];
  let isOver = false;

  const open = (): Client => {
    // When the connection ends, statements that still wait are refused, so that none opens another
    // connection.
    const lose = () => {
      client.isLost = true;
      void client.sql.end({ timeout: 0 });
    };
    const own = {
      ...(options as object),
      max: 1,
      max_lifetime: null,
      backoff: false,
      onclose: lose,
      // Missing in the types of postgres.js 3.4.9.
      socket: (to: Address) => (client.isLost ? Promise.reject(ended(closed)) : connect(to, lose)),
    };
    const client: Client = { isLost: false, sql: postgres(own) };
    all.add(client);
    return client;
  };
  const drop = (client: Client) => {
    all.delete(client);
    void client.sql.end({ timeout: 0 });
  };
  const take = async (): Promise<Client> => {
    if (isOver) throw ended("CONNECTION_ENDED");
    for (let client = idle.pop(); client; client = idle.pop()) {
      if (!client.isLost) return client;
      drop(client);
    }
    if (all.size < options.max) return open();
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const give = (client: Client) => {
    if (client.isLost) drop(client);
    const next = waiting.shift();
    if (next) next.resolve(client.isLost ? open() : client);
    else if (!client.isLost) idle.push(client);
  };

  const reserve = async (): Promise<ReservedSql> => {
    const client = await take();
    const checked =
      <A extends unknown[], R>(call: (...given: A) => R) =>
      (...given: A): R => {
        if (client.isLost) throw ended(closed);
        return call(...given);
      };
    let isHeld = true;
    const own = {
      unsafe: checked(client.sql.unsafe),
      release: () => {
        if (isHeld) give(client);
        isHeld = false;
      },
    };
    return Object.assign(checked(client.sql as never), client.sql, own) as unknown as ReservedSql;
  };
  const begin = async <T>(work: (sql: TransactionSql) => T | Promise<T>): Promise<T> => {
    const connection = await reserve();
    try {
      await connection.unsafe("begin");
      const result = await work(connection as unknown as TransactionSql);
      await connection.unsafe("commit");
      return result;
    } catch (error) {
      await undo(connection);
      throw error;
    } finally {
      connection.release();
    }
  };
  return Object.assign(sql, {
    reserve,
    begin,
    async end(how?: { timeout?: number }) {
      isOver = true;
      for (const { reject } of waiting) reject(ended("CONNECTION_ENDED"));
      waiting = [];
      await Promise.all([end(how), ...[...all].map((client) => client.sql.end(how))]);
    },
  }) as Sql;
}

/**
 * Rolls back. If the connection has ended, its transaction has ended with it, and there is nothing
 * to do.
 */
export async function undo(connection: ReservedSql): Promise<void> {
  try {
    await connection.unsafe("rollback");
  } catch {
    // The connection has ended.
  }
}
