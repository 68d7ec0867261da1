export { type FailoverFailure, type FailoverOptions, failover } from "./failover.ts";
export { type MemoryMiddlewareOptions, memoryMiddleware, type Turn } from "./middleware.ts";
export type { MemoryOwner } from "./owner.ts";
export {
  type RunMessage,
  type RunMetadata,
  type RunStreamOptions,
  type RunStreamResponseOptions,
  toUIMessageStream,
  toUIMessageStreamResponse,
} from "./stream.ts";
export {
  type FoundMemory,
  type MemoryTools,
  type MemoryToolsOptions,
  memoryTools,
} from "./tools.ts";
