export { Agent } from "./agent.ts";
export type { AgentLife } from "./agent-life.ts";
export type { Synced, SyncOptions } from "./agent-memory.ts";
export type { AgentType, AgentTypeDefinition, AgentTypes } from "./agent-types.ts";
export type { Activity, AgentCard, Agents, AgentTree, FindAgents } from "./agents.ts";
export type { CacheOptions } from "./cache.ts";
export type { BroadcastHandler, BroadcastOptions, Channel } from "./channel.ts";
export type { ChannelOptions } from "./channel-stream.ts";
export type {
  ChannelInfo,
  ChannelKind,
  ChannelPage,
  ChannelStatistics,
  Channels,
  NewChannel,
  SubscriberPage,
  Subscription,
} from "./channels.ts";
export type { Conflict, ConflictPage, Conflicts, ListConflicts } from "./conflicts.ts";
export type { Context, ContextOptions, LeftOut } from "./context.ts";
export type { Database } from "./database.types.ts";
export type { Debug, DebugOptions } from "./debug.ts";
export {
  type DebugCategory,
  type DebugLevel,
  debugCategories,
  debugLevels,
} from "./debug-levels.ts";
export type { MaskRules } from "./debug-mask.ts";
export type { DebugRecord } from "./debug-record.ts";
export type { DebugData, RecordOptions } from "./debug-row.ts";
export type { DebugPersistence, DebugStreams } from "./debug-streams.ts";
export type { DebugHandler, DebugWatch, DebugWatchOptions } from "./debug-watch.ts";
export { developmentEmbedder, type Embedder } from "./embedder.ts";
export type { EnrolmentKey, EnrolmentKeys } from "./enrolment-keys.ts";
export { type ErrorBody, type ErrorCode, errorCodes, MayflyError, type Result } from "./errors.ts";
export { Mayfly, type MayflyOptions } from "./mayfly.ts";
export type { Invitation, Invitations, Member, Members, OwnInvitation } from "./members.ts";
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
} from "./memory.ts";
export { type KnownMessageType, messageSchemas, type PayloadOf } from "./message-schemas.ts";
export type {
  Attachment,
  MessageContent,
  MessageTarget,
  Priority,
  SendOptions,
  Sent,
} from "./messages.ts";
export type { HandlerOptions, Message, MessageHandler, RequestOptions } from "./messenger.ts";
export type { DeadLetter, OutboxLimits } from "./outbox.ts";
export type { Presence, PresenceState } from "./presence.ts";
export type {
  PresenceChange,
  PresenceHandler,
  PresenceWatchOptions,
  PresentAgent,
} from "./presence-watch.ts";
export type { Pushed } from "./push.ts";
export type { Recall, RecalledMemory, RecallOptions } from "./recall.ts";
export type { Reembedded, ReembedOptions } from "./reembed.ts";
export type { RunOptions } from "./run.ts";
export type { MemoryKind, Operation } from "./schemas.ts";
export type { AgentRow } from "./session.ts";
export type { AgentBlueprint, SpawnOptions, TeamGroup } from "./spawn.ts";
export type { States } from "./state.ts";
export type { StateDifference } from "./state-diff.ts";
export type {
  Reconcile,
  Reconciled,
  SetOptions,
  State,
  StateInfo,
  StateVersion,
  StateVersionInfo,
  UpdateOptions,
  WriteOptions,
} from "./state-types.ts";
export type {
  StateAction,
  StateChange,
  StateHandler,
  StateWatchOptions,
} from "./state-watch.ts";
export type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./storage.ts";
export type {
  MemberRole,
  RetentionRule,
  Tenant,
  TenantSettings,
  Tenants,
  Usage,
} from "./tenants.ts";
export type { ExportOptions, Maintained, MaintainOptions, Statistics } from "./upkeep.ts";
export type {
  Watch,
  WatchBatch,
  WatchHandler,
  WatchOptions,
  WatchState,
  WatchStore,
} from "./watch.ts";
