export { useAgents } from "./agents.ts";
export { type LiveApprovals, type UseApprovals, useApprovals } from "./approvals.ts";
export { type UseMessages, useMessages } from "./messages.ts";
export { MayflyProvider, useMayfly } from "./provider.ts";
export { type LiveRun, useRun } from "./run.ts";
export { type SharedState, useSharedState } from "./shared-state.ts";
export type { Live } from "./store.ts";
