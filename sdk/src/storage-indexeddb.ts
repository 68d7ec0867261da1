import { type DBSchema, openDB } from "idb";
import { type OutboxEntry, type OutboxStorage, storageFailed } from "./storage.ts";

interface Schema extends DBSchema {
  outbox: {
    key: [tenant: string, id: string];
    value: OutboxEntry & { tenant: string; id: string };
  };
}

/**
 * Keeps outboxes in IndexedDB. Two tabs may share one: what one finds of the other it pushes too,
 * and the server applies it once, by its id.
 */
export function indexedDbStorage(name: string): OutboxStorage {
  return {
    async open(tenant) {
      const database = await openDB<Schema>(name, 1, {
        upgrade: (fresh) => void fresh.createObjectStore("outbox", { keyPath: ["tenant", "id"] }),
      }).catch((cause: unknown) => {
        throw storageFailed(
          `The IndexedDB database ${name} could not be opened: ${String(cause)}`,
          "Private windows may refuse it: leave the option storage out there.",
          cause,
        );
      });
      // Ids of operations are UUIDv7: their order is that of time.
      const rows = await database.getAll("outbox", IDBKeyRange.bound([tenant], [tenant, []]));
      return {
        entries: rows.map(({ tenant: _tenant, id: _id, ...entry }) => entry),
        async write({ put = [], remove = [] }) {
          const transaction = database.transaction("outbox", "readwrite", { durability: "strict" });
          await Promise.all([
            ...remove.map((id) => transaction.store.delete([tenant, id])),
            ...put.map((entry) =>
              transaction.store.put({ ...entry, tenant, id: entry.operation.id }),
            ),
            transaction.done,
          ]);
        },
        async close() {
          database.close();
        },
      };
    },
  };
}
