/** Which value of a call was wrong. */
export interface FieldDetails {
  /** Its path, as `memory.tags.3`. */
  field?: string;
  /** Which element of a list. */
  index?: number;
}

/** Which quota is full. */
export interface QuotaDetails {
  /** As `max_memories`. */
  quota: string;
  limit: number;
}

/** What is in the outbox, or was refused, at the end of an agent. */
export interface UnpushedDetails {
  /** Operations that wait in the outbox. */
  unsynced: number;
  /** How many the server refused: dead letters. */
  refused: number;
  /** What the call would have returned. */
  result?: unknown;
}

/** What `details` hold, by the code of the error. */
export interface ErrorDetails {
  agent_quota_exceeded: QuotaDetails & { living: number };
  approval_decided: FieldDetails & { id?: string; status?: string };
  clock_ahead: FieldDetails & { server_ms: number };
  edit_does_not_fit: { index: number; field: string; version: number };
  handler_failed: { code?: string; from?: string };
  invalid_operation: FieldDetails;
  invalid_request: FieldDetails;
  job_failed: { id: string; status: string; error: unknown };
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
