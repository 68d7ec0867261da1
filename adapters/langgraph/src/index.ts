export { MayflySaver, type MayflySaverOptions, type ThreadsOwner } from "./saver.ts";
