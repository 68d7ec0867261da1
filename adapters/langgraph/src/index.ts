export { MayflySaver, type MayflySaverOptions, type ThreadsOwner } from "./saver.ts";
export { MayflyStore, type MayflyStoreOptions } from "./store.ts";
