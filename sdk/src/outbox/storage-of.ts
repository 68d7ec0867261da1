import { memoryStorage, type OutboxStorage } from "./storage.ts";

/**
 * Returns the storage for the option `storage`. Your own storage is used unchanged. A string is the
 * name of an IndexedDB database in a browser, or a folder in Node, Deno and Bun. Without the
 * option, the outbox is kept in memory.
 */
export async function storageOf(
  storage: OutboxStorage | string | undefined,
): Promise<OutboxStorage> {
  if (storage === undefined) return memoryStorage();
  if (typeof storage !== "string") return storage;
  if (typeof indexedDB !== "undefined") {
    return (await import("./storage-indexeddb.ts")).indexedDbStorage(storage);
  }
  return (await import("./storage-file.ts")).fileStorage(storage);
}
