import { memoryStorage, type OutboxStorage } from "./storage.ts";

/**
 * The storage for the option: your own storage unchanged; a string as the name of an IndexedDB database in a
 * browser, or as a folder in Node, Deno and Bun; otherwise memory.
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
