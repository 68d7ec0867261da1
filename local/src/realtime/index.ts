export type { StoredMessage } from "./database.ts";
export type { RealtimeFaults } from "./faults.ts";
export { freePlan, proPlan, type RealtimeLimits } from "./limits.ts";
export { createRealtime, type Realtime, type RealtimeOptions } from "./server.ts";
