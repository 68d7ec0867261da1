export type { RealtimeFaults } from "./faults.ts";
export type { RealtimeLimits } from "./limits.ts";
export { createRealtime, type Realtime, type RealtimeOptions } from "./server.ts";
