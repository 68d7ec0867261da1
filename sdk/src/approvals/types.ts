import type { Duration } from "../jobs/duration.ts";

/** Where an approval stands. All but the first are ends. */
export type ApprovalStatus = "pending" | "approved" | "rejected" | "expired" | "cancelled";
/** Whose approval is asked: a role of people, or any agent that has the scope `approval:decide`. */
export type ApprovalRole = "agent" | "member" | "admin" | "owner";

/** How an approval is asked for, beside its title and its input. */
export interface ApprovalOptions {
  /** What kind of thing is asked, such as `"deploy"` or `"money"`: policies name it. `"general"` by default. */
  category?: string;
  /** How sure the one that asks is, from 0 to 1: a policy may say from where nobody has to be asked. */
  confidence?: number;
  /** Whether this is a milestone: a policy may say that only these are asked. */
  milestone?: boolean;
  /** Asks whatever the policies say. */
  required?: boolean;
  /** How many have to approve: 1, or more where a policy says so. One rejection rejects. */
  quorum?: number;
  /** The roles that may decide. A policy that names roles has precedence. */
  roles?: ApprovalRole[];
  /** The people and agents that may decide, by their ids. They need the scope `approval:decide`. */
  deciders?: string[];
  /** After this time it is `expired`, and nobody can approve it any more. */
  expiresIn?: Duration;
  /**
   * What a changed input has to fit, as JSON Schema: `z.toJSONSchema(schema)`. Without it the input can be
   * approved or rejected, not changed.
   */
  inputSchema?: object;
}

/** What somebody is asked. */
export interface Approval<Input = unknown> {
  id: string;
  title: string;
  category: string;
  /** What is asked about; after a decision that changed it, what was approved. */
  input: Input;
  /** Of the input: a decision names it, so that nobody approves what they have not seen. */
  digest: string;
  status: ApprovalStatus;
  /** Why nobody was asked: `"autonomy"`, `"confidence"` or `"no milestone"`; null where somebody was. */
  waived: string | null;
  quorum: number;
  roles: ApprovalRole[] | null;
  deciders: string[] | null;
  confidence: number | null;
  milestone: boolean;
  /** The job that waits for it. */
  jobId: string | null;
  step: string | null;
  /** The agent or person that asks; null for the secret key. */
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

/** An approval with what was said about it. */
export interface ApprovalDetails<Input = unknown> extends Approval<Input> {
  inputSchema: object | null;
  decisions: {
    by: string;
    kind: "agent" | "person" | "secret";
    verdict: "approve" | "reject" | "delegate";
    /** Of an approval: whether it was of the input that is asked now. */
    counts?: boolean;
    /** To whom it was delegated. */
    to?: string;
    reason?: string;
    at: Date;
  }[];
}

/** One decision of many. */
export interface Decision {
  id: string;
  verdict: "approve" | "reject";
  /** Of the approval as you have seen it. */
  digest: string;
  reason?: string;
  /** Approves this instead. It has to fit the schema of the question. */
  input?: unknown;
}

/** Which approvals to list. */
export interface ListApprovals {
  status?: ApprovalStatus | ApprovalStatus[];
  /** Only those that wait for you. */
  mine?: boolean;
  category?: string;
  /** The last id of the page before. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** What needs asking, for an agent type and a category. */
export interface ApprovalPolicyOptions {
  /** `"*"` by default: every one. */
  agentType?: string;
  category?: string;
  /** Ask for everything (the default), for milestones, or for nothing. */
  autonomy?: "ask" | "milestones" | "none";
  /** A question with at least this confidence is not asked. */
  minConfidence?: number;
  /** The least quorum. */
  quorum?: number;
  roles?: ApprovalRole[];
  /** Whether the one that asks, and its line of agents, may decide. Not by default. */
  requesterDecides?: boolean;
  /** The longest time that a question may wait. */
  expiresIn?: Duration;
  /** After this time those of `escalationRoles` may decide as well: admins and owners by default. */
  escalateAfter?: Duration;
  escalationRoles?: ApprovalRole[];
  /** The name of a job to add for each question, delegation and escalation: its handler tells people. */
  notify?: string;
}

/** A policy, as it stands. Times are in seconds. */
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
