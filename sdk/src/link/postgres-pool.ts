import { once } from "node:events";
import net, { type Socket } from "node:net";
import postgres, { type Sql } from "postgres";

interface Client {
  readonly sql: Sql;
  isLost: boolean;
}

interface Address {
  host: string[];
  port: number[];
  path?: string | false;
}

const connectMs = 30_000;
const closed = () =>
  Object.assign(new Error("The connection to the database has ended."), {
    code: "CONNECTION_CLOSED",
  });

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

/**
 * A pool of connections. Each is used by one caller at a time. The driver's own `reserve` (postgres.js
 * 3.4.9) loses a connection if `fetch_types` is off, or if the connection ends while a statement runs. Once
 * all connections are lost, every call would wait forever. So each connection is a separate client of the
 * driver, and is thrown away once it has ended.
 *
 * local/src/db/safe-reserve.ts does the same for the embedded Supabase. Neither package imports the other, so a
 * change belongs in both.
 */
export class PostgresPool {
  readonly #url: string;
  readonly #max: number;
  readonly #options: object;
  readonly #all = new Set<Client>();
  readonly #idle: Client[] = [];
  #waiting: { resolve(client: Client): void; reject(error: Error): void }[] = [];
  #isOver = false;

  constructor(url: string, max: number, options: object) {
    this.#url = url;
    this.#max = max;
    this.#options = options;
  }

  async use<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.#take();
    try {
      return await work(client.sql);
    } finally {
      this.#give(client);
    }
  }

  /** Refuses statements that still wait for a connection, and closes all connections. */
  async end(how: { timeout: number }): Promise<void> {
    this.#isOver = true;
    for (const { reject } of this.#waiting) reject(closed());
    this.#waiting = [];
    await Promise.all([...this.#all].map(({ sql }) => sql.end(how)));
  }

  async #take(): Promise<Client> {
    if (this.#isOver) throw closed();
    for (let client = this.#idle.pop(); client; client = this.#idle.pop()) {
      if (!client.isLost) return client;
      this.#drop(client);
    }
    if (this.#all.size < this.#max) return this.#open();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #give(client: Client): void {
    if (client.isLost) this.#drop(client);
    const next = this.#waiting.shift();
    if (next) next.resolve(client.isLost ? this.#open() : client);
    else if (!client.isLost) this.#idle.push(client);
  }

  #open(): Client {
    // If the connection is lost, statements that wait for it are refused. They must not open another
    // connection.
    const lose = () => {
      client.isLost = true;
      void client.sql.end({ timeout: 0 });
    };
    const own = {
      ...this.#options,
      max: 1,
      max_lifetime: null,
      backoff: false,
      onclose: lose,
      // Missing in the types of postgres.js 3.4.9.
      socket: (to: Address) => (client.isLost ? Promise.reject(closed()) : connect(to, lose)),
    };
    const client: Client = { isLost: false, sql: postgres(this.#url, own) };
    this.#all.add(client);
    return client;
  }

  #drop(client: Client): void {
    this.#all.delete(client);
    void client.sql.end({ timeout: 0 });
  }
}
