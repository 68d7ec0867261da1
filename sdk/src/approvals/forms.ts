import { seconds } from "../jobs/forms.ts";
import { present } from "../link/rows.ts";
import type { ApprovalOptions, ApprovalPolicyOptions } from "./types.ts";

/** An approval in the form that SQL expects. */
export const toRequest = (title: string, input: unknown, options: ApprovalOptions) =>
  present({
    title,
    input,
    category: options.category,
    confidence: options.confidence,
    milestone: options.milestone,
    required: options.required,
    quorum: options.quorum,
    roles: options.roles,
    deciders: options.deciders,
    expires_in: seconds(options.expiresIn),
    input_schema: options.inputSchema,
  });

/** A policy in the form that SQL expects. */
export const toPolicyValues = (policy: ApprovalPolicyOptions) =>
  present({
    agent_type: policy.agentType,
    category: policy.category,
    autonomy: policy.autonomy,
    min_confidence: policy.minConfidence,
    quorum: policy.quorum,
    roles: policy.roles,
    requester_decides: policy.requesterDecides,
    expires_in: seconds(policy.expiresIn),
    escalate_after: seconds(policy.escalateAfter),
    escalation_roles: policy.escalationRoles,
    notify: policy.notify,
  });
