export { Agent, type Synced } from "./agent.ts";
export type { Database } from "./database.types.ts";
export { type ErrorBody, type ErrorCode, errorCodes, MayflyError, type Result } from "./errors.ts";
export { Mayfly, type MayflyOptions, type SpawnOptions, type Tenant } from "./mayfly.ts";
export type {
  ListOptions,
  LogEvent,
  LogPage,
  Memory,
  MemoryPage,
  NewMemory,
  Recall,
  RecalledMemory,
  RecallOptions,
} from "./memory.ts";
export type { DeadLetter } from "./outbox.ts";
export type { Presence, PresenceState, PresentAgent } from "./presence.ts";
export type { MemoryKind } from "./schemas.ts";
