import { list } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { deleted, policyRow, toPolicy } from "./answers.ts";
import { toPolicyValues } from "./forms.ts";
import type { ApprovalPolicy, ApprovalPolicyOptions } from "./types.ts";

/**
 * Policies that say what needs an approval, by agent type and category. The most specific policy
 * applies. Without a policy, somebody has to decide on every approval.
 */
export class ApprovalPolicies {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Sets the policy for an agent type and a category, replacing the old one. Needs `approval:admin`.
   *
   * @example
   * await mayfly.approvals.policies.set({ category: "deploy", quorum: 2, roles: ["admin", "owner"] });
   * await mayfly.approvals.policies.set({ agentType: "editor", autonomy: "milestones", minConfidence: 0.9 });
   */
  async set(policy: ApprovalPolicyOptions): Promise<Result<ApprovalPolicy>> {
    const answer = await this.#link.rpc("set_approval_policy", toPolicyValues(policy), policyRow);
    return answer.error ? answer : ok(toPolicy(answer.data));
  }

  /** Lists the policies of the tenant. Needs `approval:read`. */
  async list(): Promise<Result<ApprovalPolicy[]>> {
    const answer = await this.#link.rpc("list_approval_policies", {}, list(policyRow));
    return answer.error ? answer : ok(answer.data.map(toPolicy));
  }

  /** Deletes a policy, so that the next more general one applies. Needs `approval:admin`. */
  delete({ agentType = "*", category = "*" }: { agentType?: string; category?: string } = {}) {
    return this.#link.rpc(
      "delete_approval_policy",
      { agent_type: agentType, category },
      deleted,
    ) as Promise<Result<{ deleted: boolean }>>;
  }
}
