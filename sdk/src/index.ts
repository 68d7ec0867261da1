export { Agent } from "./agent.ts";
export type { AgentLife } from "./agent-life.ts";
export type { Synced, SyncOptions } from "./agent-memory.ts";
export type { Activity, AgentCard, Agents, AgentTree, FindAgents } from "./agents/agents.ts";
export type { EnrolmentKey, EnrolmentKeys } from "./agents/keys.ts";
export type { Presence, PresenceState } from "./agents/presence.ts";
export type {
  PresenceChange,
  PresenceHandler,
  PresenceWatchOptions,
  PresentAgent,
} from "./agents/presence-watch.ts";
export type { RunOptions } from "./agents/run.ts";
export type { AgentRow } from "./agents/session.ts";
export type { AgentBlueprint, SpawnOptions, TeamGroup } from "./agents/spawn.ts";
export type { AgentType, AgentTypeDefinition, AgentTypes } from "./agents/types.ts";
export type { BroadcastHandler, BroadcastOptions, Channel } from "./channels/channel.ts";
export type { Channels } from "./channels/channels.ts";
export type { ChannelOptions } from "./channels/stream.ts";
export type {
  ChannelInfo,
  ChannelKind,
  ChannelPage,
  ChannelStatistics,
  NewChannel,
  SubscriberPage,
  Subscription,
} from "./channels/types.ts";
export type { Database } from "./contract/database.types.ts";
export {
  type DebugCategory,
  type DebugLevel,
  debugCategories,
  debugLevels,
} from "./contract/debug.ts";
export {
  type ErrorBody,
  type ErrorCode,
  errorCodes,
  MayflyError,
  type Result,
} from "./contract/errors.ts";
export { type KnownMessageType, messageSchemas, type PayloadOf } from "./contract/messages.ts";
export type { MemoryKind, Operation } from "./contract/schemas.ts";
export type { Debug, DebugOptions } from "./debug/debug.ts";
export type { MaskRules } from "./debug/mask.ts";
export type { DebugRecord } from "./debug/record.ts";
export type { DebugPersistence, DebugStreams } from "./debug/streams.ts";
export type { DebugHandler, DebugWatch, DebugWatchOptions } from "./debug/watch-types.ts";
export type { Duration } from "./jobs/duration.ts";
export type { HeldJob, StepWork, WaitEnd } from "./jobs/held-job.ts";
export type { DeadJobs, Jobs } from "./jobs/jobs.ts";
export type { JobHandler, JobHandlers } from "./jobs/local-job.ts";
export type { Schedules } from "./jobs/schedules.ts";
export { type ServeJobsOptions, serveJobs } from "./jobs/serve.ts";
export type {
  AddedJob,
  JobDetails,
  JobError,
  JobInfo,
  JobOptions,
  JobStatus,
  JobTarget,
  ListJobs,
  NewJob,
  Percentiles,
  QueueLimits,
  QueueStatistics,
  Schedule,
  ScheduleOptions,
} from "./jobs/types.ts";
export type { Work, WorkOptions } from "./jobs/work-options.ts";
export type { DebugData, RecordOptions } from "./link/note.ts";
export type {
  Watch,
  WatchBatch,
  WatchHandler,
  WatchOptions,
  WatchState,
  WatchStore,
} from "./log/watch.ts";
export { Mayfly, type MayflyOptions } from "./mayfly.ts";
export type { CacheOptions } from "./memory/cache.ts";
export type { Conflict, ConflictPage, Conflicts, ListConflicts } from "./memory/conflicts.ts";
export type { Context, ContextOptions, LeftOut } from "./memory/context.ts";
export { developmentEmbedder, type Embedder } from "./memory/embedder.ts";
export type {
  ListOptions,
  LogEvent,
  LogPage,
  Memory,
  MemoryChange,
  MemoryContent,
  MemoryFields,
  MemoryPage,
  NewMemory,
} from "./memory/memory.ts";
export type { Recall, RecalledMemory, RecallOptions } from "./memory/recall.ts";
export type { Reembedded, ReembedOptions } from "./memory/reembed.ts";
export type {
  Attachment,
  MessageContent,
  MessageTarget,
  Priority,
  SendOptions,
  Sent,
} from "./messages/messages.ts";
export type {
  HandlerOptions,
  Message,
  MessageHandler,
  RequestOptions,
} from "./messages/messenger.ts";
export type { DeadLetter, OutboxLimits } from "./outbox/outbox.ts";
export type { Pushed } from "./outbox/push.ts";
export type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./outbox/storage.ts";
export type { Invitation, Invitations, Member, Members, OwnInvitation } from "./people/members.ts";
export type { StateDifference } from "./state/diff.ts";
export type { States } from "./state/states.ts";
export type {
  Reconcile,
  Reconciled,
  SetOptions,
  State,
  StateAction,
  StateInfo,
  StateVersion,
  StateVersionInfo,
  UpdateOptions,
  WriteOptions,
} from "./state/types.ts";
export type { StateChange, StateHandler, StateWatchOptions } from "./state/watch.ts";
export type { Usage } from "./tenants/answers.ts";
export type {
  MemberRole,
  RetentionRule,
  Tenant,
  TenantSettings,
  Tenants,
} from "./tenants/tenants.ts";
export type { ExportOptions, Maintained, MaintainOptions, Statistics } from "./tenants/upkeep.ts";
