/** Which value of a call was wrong. */
export interface FieldDetails {
  /** The path of the value, such as `body.tags.3`. */
  field?: string;
  /** The index of the list element. */
  index?: number;
}

/** Which quota is full. */
export interface QuotaDetails {
  /** The name of the quota, such as `max_memories`. */
  quota: string;
  limit: number;
}

/** What is left in the outbox, or was refused, when an agent ends. */
export interface UnpushedDetails {
  /** Operations that are still in the outbox. */
  unsynced: number;
  /** How many operations the server refused. These are dead letters. */
  refused: number;
  /** What the call would have returned. */
  result?: unknown;
}

/** The type of `details` for each error code. */
export interface ErrorDetails {
  agent_quota_exceeded: QuotaDetails & { living: number };
  approval_decided: FieldDetails & { id?: string; status?: string };
  clock_ahead: FieldDetails & { server_ms: number };
  edit_does_not_fit: { index: number; field: string; version: number };
  handler_failed: { code?: string; from?: string };
  invalid_operation: FieldDetails;
  invalid_request: FieldDetails;
  job_failed: { id: string; status: string; error: unknown };
  job_final: FieldDetails & { ids: string[] };
  lifetime_out_of_range: FieldDetails;
  name_taken: FieldDetails;
  not_publisher: { channel: string };
  not_pushed: UnpushedDetails;
  not_subscribed: { channel: string };
  op_expired: FieldDetails;
  outbox_full: { operations: number; bytes: number };
  quota_exceeded: QuotaDetails;
  rate_limited: { retry_after?: number; quota?: string; limit?: number };
  role_missing: { role: string };
  scope_exceeds_parent: { scopes: string[] };
  scope_missing: { scope: string; field?: string };
  scope_not_for_agents: FieldDetails & { scopes: string[] };
  scope_unknown: FieldDetails & { scopes: string[] };
  tenant_quota_exceeded: QuotaDetails;
  transition_not_allowed: { from: string; to: string };
  type_quota_exceeded: QuotaDetails & { type: string };
  unavailable: { status?: number; reason?: string };
  version_conflict: { expected: number; version: number };
  version_unknown: { version?: number };
}
