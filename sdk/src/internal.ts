/**
 * An entry point for the other parts of this repository. It is not part of the package. The CLI
 * uses it for things that programs with the SDK do not need, and tests for things that no public
 * call shows. It may change in any release.
 */
export { Reservations } from "./costs/reservations.ts";
export { DebugPump, type Sent } from "./debug/batch-sender.ts";
export { DebugBuffer } from "./debug/buffer.ts";
export { Debug } from "./debug/debug.ts";
export { Masker, masked } from "./debug/mask.ts";
export type { JobsDoor } from "./jobs/door.ts";
export { startJob } from "./jobs/local-job.ts";
export { Worker } from "./jobs/worker.ts";
export { Attendance, type Beat, type Reader } from "./link/attendance.ts";
export { callFunction, fromDataApi } from "./link/call.ts";
export { disconnect } from "./link/disconnect.ts";
export { HandlerQueue } from "./link/handler-queue.ts";
export { HybridClock, isAfter } from "./link/hybrid-clock.ts";
export { Link } from "./link/link.ts";
export { behindRow } from "./link/read-all.ts";
export { Log } from "./log/log.ts";
export { MemoryCache } from "./memory/cache.ts";
export { LocalSearch, recalledLocally } from "./memory/local-search.ts";
export { memoryFromBody } from "./memory/memory.ts";
export { packContext } from "./memory/prompt-context.ts";
export { rank } from "./memory/rank.ts";
export { type StatisticsRow, statisticsRow } from "./memory/statistics.ts";
export { Unsynced } from "./memory/unsynced.ts";
export { openInbox } from "./messages/answers.ts";
export { messageFromRow, outgoing } from "./messages/content.ts";
export { Inbox } from "./messages/inbox.ts";
export {
  type FileLock,
  LockHeld,
  LockLost,
  type LockOptions,
  lockFile,
} from "./outbox/file-lock.ts";
export { Outbox } from "./outbox/outbox.ts";
export { Outboxes } from "./outbox/outboxes.ts";
export {
  type IdentitySource,
  type ProcessIdentity,
  systemIdentity,
} from "./outbox/process-identity.ts";
export { memoryStorage } from "./outbox/storage.ts";
export { fileStorage } from "./outbox/storage-file.ts";
export { diffValues } from "./state/diff.ts";
export { tenantRow } from "./tenants/answers.ts";
