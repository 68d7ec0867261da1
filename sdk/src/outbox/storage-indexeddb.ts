import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { storageFailed } from "../contract/invalid.ts";
import type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./storage.ts";

interface Schema extends DBSchema {
  outbox: {
    key: [tenant: string, id: string];
    value: OutboxEntry & { tenant: string; id: string };
  };
}

/**
 * How long to wait for the database to open. A page with an older version, or a running deletion, can block
 * it.
 */
const openMs = 10_000;

/**
 * Keeps outboxes in IndexedDB. Two tabs may share a database. Each tab also pushes the operations of the
 * other. Because of their ids, the server applies each operation only once.
 */
export function indexedDbStorage(name: string): OutboxStorage {
  return { open: (tenant) => IndexedDbStore.open(name, tenant) };
}

class IndexedDbStore implements OutboxStore {
  readonly entries: OutboxEntry[];
  readonly #connection: Connection;
  readonly #tenant: string;
  /** A copy, to write everything again if the database was deleted while this page was open. */
  readonly #kept: Map<string, OutboxEntry>;

  private constructor(connection: Connection, tenant: string, entries: OutboxEntry[]) {
    this.#connection = connection;
    this.#tenant = tenant;
    this.entries = entries;
    this.#kept = new Map(entries.map((entry) => [entry.operation.id, entry]));
  }

  static async open(name: string, tenant: string): Promise<IndexedDbStore> {
    const connection = new Connection(name);
    const { database } = await connection.get();
    // Ids of operations are UUIDv7, so they sort by time.
    const rows = await database.getAll("outbox", IDBKeyRange.bound([tenant], [tenant, []]));
    const entries = rows.map(({ tenant: _tenant, id: _id, ...entry }) => entry);
    return new IndexedDbStore(connection, tenant, entries);
  }

  async write(change: OutboxChange): Promise<void> {
    try {
      await this.#write(change);
    } catch (error) {
      // The browser has closed the connection. An aborted transaction has changed nothing.
      if (!isClosed(error)) throw error;
      this.#connection.drop();
      await this.#write(change);
    }
    for (const id of change.remove ?? []) this.#kept.delete(id);
    for (const entry of change.put ?? []) this.#kept.set(entry.operation.id, entry);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #write({ put = [], remove = [] }: OutboxChange): Promise<void> {
    const { database, isEmpty } = await this.#connection.get();
    const entries = isEmpty ? [...this.#kept.values(), ...put] : put;
    const transaction = database.transaction("outbox", "readwrite", { durability: "strict" });
    const { store } = transaction;
    const tenant = this.#tenant;
    await Promise.all([
      ...entries.map((entry) => store.put({ ...entry, tenant, id: entry.operation.id })),
      ...remove.map((id) => store.delete([tenant, id])),
      transaction.done,
    ]);
    this.#connection.filled();
  }
}

interface Opened {
  database: IDBPDatabase<Schema>;
  /** Whether this opening has created the database. */
  isEmpty: boolean;
}

/**
 * A connection that is reopened when the browser has closed it. A browser does this if site data are
 * cleared, after a disk error, or if another page deletes the database or wants a newer version.
 */
class Connection {
  readonly #name: string;
  #opened: Promise<Opened> | undefined;
  #closed = false;

  constructor(name: string) {
    this.#name = name;
  }

  get(): Promise<Opened> {
    if (this.#closed) throw storageFailed(`The outbox in ${this.#name} is closed.`, null);
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** Closes the connection. The next use reopens it. */
  drop(): void {
    void this.#opened?.then(({ database }) => database.close()).catch(() => {});
    this.#opened = undefined;
  }

  /** Call this when the missing operations have been written. */
  filled(): void {
    void this.#opened?.then((opened) => {
      opened.isEmpty = false;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opened?.catch(() => null);
    opened?.database.close();
  }

  async #open(): Promise<Opened> {
    let isEmpty = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const opening = openDB<Schema>(this.#name, 1, {
      upgrade(fresh) {
        isEmpty = true;
        fresh.createObjectStore("outbox", { keyPath: ["tenant", "id"] });
      },
      // Another page waits for this connection to close. The next write reopens it.
      blocking: () => this.drop(),
      terminated: () => this.drop(),
    });
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("another page holds it")), openMs);
    });
    try {
      return { database: await Promise.race([opening, late]), isEmpty };
    } catch (cause) {
      void opening.then((database) => database.close()).catch(() => {});
      throw storageFailed(
        `The IndexedDB database ${this.#name} could not be opened: ${String(cause)}`,
        "Close other pages of this site and reload. In a private window, which may refuse it, leave out the option storage.",
        cause,
      );
    } finally {
      clearTimeout(timer);
    }
  }
}

const isClosed = (error: unknown) =>
  error instanceof DOMException && ["InvalidStateError", "AbortError"].includes(error.name);
