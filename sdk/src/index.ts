export { Agent } from "./agent.ts";
export type { Agents, FindAgents } from "./agents/agents.ts";
export type { Activity, AgentCard, AgentTree } from "./agents/card.ts";
export type { AgentRow, AgentTypeRow, Issued } from "./agents/issued.ts";
export type { EnrolmentKey, EnrolmentKeys } from "./agents/keys.ts";
export type { AgentLife, ListAgents } from "./agents/list.ts";
export type { Presence } from "./agents/presence.ts";
export type {
  PresenceChange,
  PresenceHandler,
  PresenceState,
  PresenceWatchOptions,
  PresentAgent,
} from "./agents/presence-watch.ts";
export type { RunOptions, RunTeamOptions } from "./agents/run.ts";
export type { AgentBlueprint, SpawnOptions, TeamGroup } from "./agents/spawn.ts";
export type { AgentType, AgentTypeDefinition, AgentTypes } from "./agents/types.ts";
export type { Approvals, DecideOptions } from "./approvals/approvals.ts";
export type { ApprovalPolicies } from "./approvals/policies.ts";
export type {
  Approval,
  ApprovalDetails,
  ApprovalOptions,
  ApprovalPolicy,
  ApprovalPolicyOptions,
  ApprovalRole,
  ApprovalStatus,
  Decision,
  ListApprovals,
  ListedApproval,
} from "./approvals/types.ts";
export { type WebhookOptions, webhook } from "./approvals/webhook.ts";
export type { Artifacts } from "./artifacts/artifacts.ts";
export type {
  Artifact,
  ArtifactData,
  ArtifactRef,
  GetArtifact,
  ListArtifacts,
  PutArtifact,
  StoredFile,
} from "./artifacts/types.ts";
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
  type DebugData,
  type DebugLevel,
  debugCategories,
  debugLevels,
  type RecordOptions,
} from "./contract/debug.ts";
export type {
  ErrorDetails,
  FieldDetails,
  QuotaDetails,
  UnpushedDetails,
} from "./contract/error-details.ts";
export {
  type DetailsOf,
  type ErrorBody,
  type ErrorCode,
  errorCodes,
  isMayflyError,
  MayflyError,
  type MayflyErrorOf,
  type Result,
} from "./contract/errors.ts";
export type { LogEvent } from "./contract/log.ts";
export { type KnownMessageType, messageSchemas, type PayloadOf } from "./contract/messages.ts";
export type { Operation } from "./contract/operation.ts";
export type { MemoryKind } from "./contract/schemas.ts";
export type { SpanAbout, SpanFacts, Telemetry, Tell } from "./contract/telemetry.ts";
export type { Budgets } from "./costs/budgets.ts";
export type { Costs } from "./costs/costs.ts";
export type {
  Budget,
  BudgetLevel,
  BudgetOptions,
  CostDimension,
  CostReportOptions,
  CostRow,
  ImportedPrice,
  ModelPrice,
  RateLimitOptions,
} from "./costs/types.ts";
export type { Debug, DebugOptions } from "./debug/debug.ts";
export type { ListDebug } from "./debug/list.ts";
export type { MaskRules } from "./debug/mask.ts";
export type { DebugRecord } from "./debug/record.ts";
export type { DebugPersistence, DebugStreams } from "./debug/streams.ts";
export type { DebugHandler, DebugWatch, DebugWatchOptions } from "./debug/watch-types.ts";
export type { Entities } from "./facts/entities.ts";
export type { Facts } from "./facts/facts.ts";
export type {
  AboutOptions,
  Entity,
  EntityName,
  EntityOptions,
  Fact,
  FactGraph,
  FactRecall,
  FactRecallOptions,
  ListFacts,
  MentionedEntity,
  NamedEntity,
  NewFact,
  ReachedEntity,
  RecordedFact,
  Said,
  TraverseOptions,
} from "./facts/types.ts";
export {
  type AttributeChanges,
  type Attributes,
  type AttributeValue,
  attributeText,
  splitSearch,
  type Where,
} from "./jobs/attributes.ts";
export type { DeadJobs } from "./jobs/dead-jobs.ts";
export type { Duration } from "./jobs/duration.ts";
export type { FromMessage } from "./jobs/from-messages.ts";
export type { HeldJob, StepWork, WaitEnd } from "./jobs/held-job.ts";
export type { Jobs } from "./jobs/jobs.ts";
export type { DefinedJobs, JobKind, JobSchema, KindHandlers } from "./jobs/kinds.ts";
export type { JobHandler, JobHandlers } from "./jobs/local-job.ts";
export type {
  PublishedKind,
  PublishedKindDetails,
  PublishedKinds,
} from "./jobs/published-kinds.ts";
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
export type { ApplicationClient } from "./link/application-client.ts";
export type { EventPage, ListEvents } from "./log/list.ts";
export type { Log } from "./log/log.ts";
export type { Watch } from "./log/watch.ts";
export type {
  WatchBatch,
  WatchHandler,
  WatchOptions,
  WatchState,
  WatchStore,
} from "./log/watch-types.ts";
export { Mayfly } from "./mayfly.ts";
export type { CallerOptions, MayflyOptions } from "./mayfly-options.ts";
export type { AgentMemory } from "./memory/agent-memory.ts";
export type { CacheOptions } from "./memory/cache.ts";
export type { Cluster, ClusterOptions, Clusters } from "./memory/clusters.ts";
export type { Conflict, ConflictPage, Conflicts, ListConflicts } from "./memory/conflicts.ts";
export { developmentEmbedder, type Embedder } from "./memory/embedder.ts";
export { type MemoriesAsData, memoriesAsData } from "./memory/mark-as-data.ts";
export type { Memories } from "./memory/memories.ts";
export type {
  ListOptions,
  LogPage,
  Memory,
  MemoryChange,
  MemoryContent,
  MemoryFields,
  MemoryPage,
  NewMemory,
} from "./memory/memory.ts";
export type { Context, ContextOptions, LeftOut } from "./memory/prompt-context.ts";
export type { Recall, RecalledMemory, RecallOptions } from "./memory/recall.ts";
export type { Recommendation, Recommendations, RecommendOptions } from "./memory/recommend.ts";
export type { Reembedded, ReembedOptions } from "./memory/reembed.ts";
export type { Statistics } from "./memory/statistics.ts";
export type { Remembered } from "./memory/store.ts";
export type { Synced, SyncOptions } from "./memory/sync.ts";
export type { Tuned, TunedWeight, TuneOptions } from "./memory/tune.ts";
export type {
  Attachment,
  MessageContent,
  MessageTarget,
  Priority,
  SendOptions,
  Sent,
} from "./messages/content.ts";
export type { Delivery, ListMessages, StoredMessage } from "./messages/list.ts";
export type {
  HandlerOptions,
  Message,
  MessageHandler,
  Messages,
  RequestOptions,
} from "./messages/messages.ts";
export type { AgentOutbox } from "./outbox/agent-outbox.ts";
export type { DeadLetter } from "./outbox/held-operations.ts";
export type { OutboxLimits } from "./outbox/outbox.ts";
export type { Pushed } from "./outbox/push.ts";
export type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./outbox/storage.ts";
export type { TenantOutbox } from "./outbox/tenant-outbox.ts";
export type { ClientGrant, Clients } from "./people/clients.ts";
export type { Invitation, Invitations, Member, Members, OwnInvitation } from "./people/members.ts";
export type { OwnMembership, People, Scope } from "./people/people.ts";
export { provideAi } from "./runs/ai.ts";
export type { RunAnswer, RunModelCall, RunToolCall } from "./runs/call-types.ts";
export { agentOf, DefineAgent, Tool } from "./runs/decorators.ts";
export { defineAgent, tool } from "./runs/define.ts";
export { failureOf, type ModelFailure } from "./runs/failures.ts";
export { type RunAgentsOptions, runAgents } from "./runs/handlers.ts";
export { type ChainOptions, type Tried, tryModels } from "./runs/model-fallback.ts";
export type { Replayed } from "./runs/replay.ts";
export type { StreamOptions } from "./runs/run-stream.ts";
export type { ListRuns, ResultOptions, Run, Runs } from "./runs/runs.ts";
export type { SecretResolver } from "./runs/secrets.ts";
export type { ForkOptions, StartRunOptions } from "./runs/start-options.ts";
export type { RunStatistics } from "./runs/statistics.ts";
export type {
  Agentlike,
  AgentOptions,
  ModelMaker,
  RunBudget,
  RunChunk,
  RunContext,
  RunDetails,
  RunInfo,
  RunModel,
  RunResult,
  RunStatus,
  ToolApproval,
  ToolContext,
  ToolDefinition,
} from "./runs/types.ts";
export type { StateDifference } from "./state/diff.ts";
export type { Moment, StatesAt } from "./state/past-states.ts";
export type { RecentState, RecentStates } from "./state/recent.ts";
export type { States } from "./state/states.ts";
export type {
  IncrementOptions,
  Reconcile,
  Reconciled,
  SetOptions,
  State,
  StateAction,
  StateEdit,
  StateInfo,
  StateVersion,
  StateVersionInfo,
  UpdateOptions,
  WriteOptions,
} from "./state/types.ts";
export type {
  StateChange,
  StateHandler,
  StateWatchOptions,
} from "./state/watch.ts";
export type * from "./teams/alert-types.ts";
export type { Polls } from "./teams/polls.ts";
export type { Blackboard, TeamSpace } from "./teams/space.ts";
export type { SpawnedTeam, Teams } from "./teams/teams.ts";
export type { Tenders } from "./teams/tenders.ts";
export type * from "./teams/types.ts";
export type { TeamWatch } from "./teams/watch.ts";
export type { Usage } from "./tenants/answers.ts";
export type { ExportOptions } from "./tenants/export.ts";
export type { Imported, ImportOptions, ImportSource } from "./tenants/import.ts";
export type { Maintained, MaintainOptions } from "./tenants/maintain.ts";
export type {
  EnsuredTenant,
  MemberRole,
  RetentionRule,
  Tenant,
  TenantSettings,
  Tenants,
} from "./tenants/tenants.ts";
export type { Threads } from "./threads/threads.ts";
export type * from "./threads/types.ts";
export { type Graph, type GraphOptions, graph } from "./workflows/graph.ts";
export type {
  Fitting,
  GivenTo,
  StepCode,
  StepOptions,
  StepShape,
} from "./workflows/graph-types.ts";
export type { Graphs } from "./workflows/graphs.ts";
export type * from "./workflows/types.ts";
export type { Wait } from "./workflows/wait.ts";
export {
  type WorkflowCode,
  type WorkflowOptions,
  workflow,
} from "./workflows/workflow.ts";
export type { First, WorkflowContext } from "./workflows/workflow-context.ts";
export type { Workflows } from "./workflows/workflows.ts";
