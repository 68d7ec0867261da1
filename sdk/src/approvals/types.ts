import type { Duration } from "../jobs/duration.ts";

/** The status of an approval. All except the first are final. */
export type ApprovalStatus = "pending" | "approved" | "rejected" | "expired" | "cancelled";
/** Whose approval is needed: people with a role, or any agent with the scope `approval:decide`. */
export type ApprovalRole = "agent" | "member" | "admin" | "owner";

/** Options of an approval, besides its title and its input. */
export interface ApprovalOptions {
  /** The category, such as `"deploy"` or `"money"`, to which policies refer. `"general"` by default. */
  category?: string;
  /** How confident the requester is, from 0 to 1. A policy can say above which confidence nobody is asked. */
  confidence?: number;
  /** Whether this is a milestone. A policy can say that only milestones need an approval. */
  milestone?: boolean;
  /** Whether to ask somebody even if no policy demands it. */
  required?: boolean;
  /** How many have to approve: 1, or more if a policy says so. A single rejection is enough to reject. */
  quorum?: number;
  /** The roles that may decide. The roles of a policy take precedence. */
  roles?: ApprovalRole[];
  /** The people and agents that may decide, by their ids. They need the scope `approval:decide`. */
  deciders?: string[];
  /** After this time the approval is `expired`, and nobody can approve it. */
  expiresIn?: Duration;
  /**
   * A JSON Schema for changed inputs: `z.toJSONSchema(schema)`. Without it, deciders can approve or reject
   * the input but not change it.
   */
  inputSchema?: object;
}

/** A request that somebody has to decide on. */
export interface Approval<Input = unknown> {
  id: string;
  title: string;
  category: string;
  /**
   * The arguments that the approval is about. If a decision changed them, these are the changed arguments.
   */
  input: Input;
  /** The digest of the input. A decision names it, so that nobody approves what they have not seen. */
  digest: string;
  status: ApprovalStatus;
  /**
   * Why nobody was asked: `"autonomy"`, `"confidence"` or `"no milestone"`. Null if somebody was asked.
   */
  waived: string | null;
  quorum: number;
  roles: ApprovalRole[] | null;
  deciders: string[] | null;
  confidence: number | null;
  milestone: boolean;
  /** The job that waits for it. */
  jobId: string | null;
  step: string | null;
  /** The agent or person that requested it. Null for the secret key. */
  requestedBy: string | null;
  requestedKind: "agent" | "person" | "secret";
  createdAt: Date;
  expiresAt: Date | null;
  escalatesAt: Date | null;
  escalatedAt: Date | null;
  decidedAt: Date | null;
}

/** An approval in a list. */
export interface ListedApproval extends Approval {
  /** Whether you may decide it now. */
  decidable: boolean;
}

/** An approval with its decisions. */
export interface ApprovalDetails<Input = unknown> extends Approval<Input> {
  inputSchema: object | null;
  decisions: {
    by: string;
    kind: "agent" | "person" | "secret";
    verdict: "approve" | "reject" | "delegate";
    /** For `approve`: whether this decision was about the current input. */
    counts?: boolean;
    /** To whom it was delegated. */
    to?: string;
    reason?: string;
    at: Date;
  }[];
}

/** One of several decisions. */
export interface Decision {
  id: string;
  verdict: "approve" | "reject";
  /** The digest of the approval as you saw it. */
  digest: string;
  reason?: string;
  /** Approves this input instead. It has to match the schema of the approval. */
  input?: unknown;
}

/** Which approvals to list. */
export interface ListApprovals {
  status?: ApprovalStatus | ApprovalStatus[];
  /** Only those that wait for you. */
  mine?: boolean;
  category?: string;
  /** The last id of the previous page. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** A policy: what needs an approval, for an agent type and a category. */
export interface ApprovalPolicyOptions {
  /** `"*"`, the default, means every type. The same applies to `category`. */
  agentType?: string;
  category?: string;
  /** Ask for everything (the default), only for milestones, or for nothing. */
  autonomy?: "ask" | "milestones" | "none";
  /** Nobody is asked if the requester's `confidence` is at least this. */
  minConfidence?: number;
  /** The minimum quorum. */
  quorum?: number;
  roles?: ApprovalRole[];
  /** Whether the requester, and its ancestors and descendants, may decide. False by default. */
  requesterDecides?: boolean;
  /** How long an approval may wait at most. */
  expiresIn?: Duration;
  /** After this time, people with `escalationRoles` may decide too: admins and owners by default. */
  escalateAfter?: Duration;
  escalationRoles?: ApprovalRole[];
  /**
   * The name of a job to add for each approval, delegation and escalation. The job's handler notifies people.
   */
  notify?: string;
}

/** The current policy. Times are in seconds. */
export interface ApprovalPolicy {
  agentType: string;
  category: string;
  autonomy: "ask" | "milestones" | "none";
  minConfidence: number | null;
  quorum: number;
  roles: ApprovalRole[] | null;
  requesterDecides: boolean;
  expiresIn: number | null;
  escalateAfter: number | null;
  escalationRoles: ApprovalRole[] | null;
  notify: string | null;
  updatedAt: Date;
}
