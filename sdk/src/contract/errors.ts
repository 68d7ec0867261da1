import type { ErrorDetails } from "./error-details.ts";

/** Every code that a Mayfly error can have. docs/errors.md says what each means and what to do. */
export const errorCodes = [
  "agent_not_alive",
  "agent_quota_exceeded",
  "agent_suspended",
  "agent_unknown",
  "alert_unknown",
  "already_bid",
  "already_member",
  "already_rated",
  "already_voted",
  "approval_changed",
  "approval_decided",
  "approval_expired",
  "approval_not_yours",
  "approval_own",
  "approval_rejected",
  "approval_unknown",
  "artifact_damaged",
  "artifact_incomplete",
  "artifact_unknown",
  "broadcast_refused",
  "broadcasts_lost",
  "budget_exceeded",
  "channel_exists",
  "channel_unknown",
  "clock_ahead",
  "cursor_expired",
  "cursor_invalid",
  "depth_exceeded",
  "edit_does_not_fit",
  "enrolment_key_unknown",
  "entity_ambiguous",
  "entity_exists",
  "entity_unknown",
  "estimates_refused",
  "fact_unknown",
  "handler_failed",
  "inbox_taken",
  "internal",
  "invalid_operation",
  "invalid_request",
  "invitation_expired",
  "invitation_unknown",
  "job_cancelled",
  "job_failed",
  "job_final",
  "job_finished",
  "job_not_ended",
  "job_unknown",
  "last_owner",
  "lease_lost",
  "lifetime_out_of_range",
  "member_unknown",
  "memory_exists",
  "memory_unknown",
  "message_id_taken",
  "message_unknown",
  "method_not_allowed",
  "model_unavailable",
  "name_taken",
  "no_agent_available",
  "no_inbox",
  "no_recipient",
  "not_a_bidder",
  "not_a_voter",
  "not_authorized",
  "not_configured",
  "not_publisher",
  "not_pushed",
  "not_subscribed",
  "op_expired",
  "outbox_full",
  "price_unknown",
  "poll_closed",
  "poll_unknown",
  "push_too_large",
  "quota_exceeded",
  "rate_limited",
  "rating_own",
  "recipient_not_alive",
  "recipient_unknown",
  "renewal_refused",
  "renewal_reused",
  "replay_differs",
  "request_timeout",
  "role_missing",
  "run_failed",
  "run_finished",
  "run_unknown",
  "scope_exceeds_parent",
  "scope_missing",
  "scope_not_for_agents",
  "scope_unknown",
  "state_not_writable",
  "storage_failed",
  "team_ended",
  "team_too_large",
  "team_unknown",
  "tenant_ambiguous",
  "tenant_creation_not_allowed",
  "tenant_quota_exceeded",
  "tenant_unknown",
  "tender_closed",
  "tender_unknown",
  "transition_not_allowed",
  "tree_too_large",
  "type_quota_exceeded",
  "unavailable",
  "user_unknown",
  "version_conflict",
  "version_unknown",
  "version_unsupported",
  "work_failed",
  "workflow_changed",
  "workflow_unknown",
] as const;

/** The stable code of an error. */
export type ErrorCode = (typeof errorCodes)[number];

/** An error as the functions send it. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint: string | null;
  details: unknown;
  /** The logs of the function contain the same id. */
  request_id?: string;
}

/** The error of a failed call. Methods return it, or throw it if they cannot return a result. */
export class MayflyError extends Error {
  override readonly name = "MayflyError";
  /** Stable, so that you can branch on it. */
  readonly code: ErrorCode;
  /** What to do. */
  readonly hint: string | null;
  /**
   * The field, index or scope that the code is about. Typed after {@link isMayflyError} has checked the code.
   */
  readonly details: unknown;
  readonly requestId: string | undefined;

  constructor(body: ErrorBody, options?: ErrorOptions) {
    super(body.message, options);
    this.code = body.code;
    this.hint = body.hint;
    this.details = body.details;
    this.requestId = body.request_id;
  }
}

/** The type of `details` for a code. For several codes, one of their types; for all codes, unknown. */
export type DetailsOf<Code extends ErrorCode> = [ErrorCode] extends [Code]
  ? unknown
  : Code extends keyof ErrorDetails
    ? ErrorDetails[Code] | null
    : unknown;

/** An error with a known code. Its `details` have a type. */
export type MayflyErrorOf<Code extends ErrorCode> = MayflyError & {
  readonly code: Code;
  readonly details: DetailsOf<Code>;
};

/** The result of a call. If the call succeeded, `error` is null. Otherwise, `data` is null. */
export type Result<T> = { data: T; error: null } | { data: null; error: MayflyError };

/** Makes a successful result. */
export const ok = <T>(data: T): Result<T> => ({ data, error: null });

/** Makes a failed result. */
export const failed = (error: MayflyError): { data: null; error: MayflyError } => ({
  data: null,
  error,
});

/** Whether a code from outside is a code of Mayfly. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  errorCodes.includes(code as ErrorCode);

/**
 * Whether a value that was returned or thrown is a Mayfly error, and has one of the codes that you pass.
 * `details` then have the type of the code. Also works for errors from another copy of the SDK.
 *
 * @example
 * if (isMayflyError(error, "rate_limited")) await sleep((error.details?.retry_after ?? 1) * 1_000);
 */
export function isMayflyError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  ...codes: Code[]
): error is MayflyErrorOf<Code> {
  if (!(error instanceof Error) || error.name !== "MayflyError") return false;
  const { code } = error as { code?: unknown };
  return isErrorCode(code) && (codes.length === 0 || codes.includes(code as Code));
}
