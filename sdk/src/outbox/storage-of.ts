import { memoryStorage, type OutboxStorage } from "./storage.ts";

/**
 * The storage that an option names: an adapter as it is; a text as the name of an IndexedDB database
 * in a browser, and as a folder in Node, Deno and Bun; without one, memory.
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
