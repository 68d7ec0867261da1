/**
 * An entry point for the other parts of this repository. It is not part of the package. The CLI uses it for
 * what programs with the SDK do not need, and tests for what no public call shows. It may change in any
 * release.
 */
export { Reservations } from "./costs/reservations.ts";
export { DebugBuffer } from "./debug/buffer.ts";
export { Debug } from "./debug/debug.ts";
export { Masker, masked } from "./debug/mask.ts";
export { DebugPump, type Sent } from "./debug/pump.ts";
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
export { packContext } from "./memory/context.ts";
export { LocalSearch, recalledLocally } from "./memory/local-search.ts";
export { memoryFromBody } from "./memory/memory.ts";
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
