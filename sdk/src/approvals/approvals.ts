import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Link } from "../link/link.ts";
import {
  approvalRow,
  approvalRows,
  decidedRows,
  toApproval,
  toApprovalDetails,
  toRefusal,
} from "./answers.ts";
import { toRequest } from "./forms.ts";
import { ApprovalPolicies } from "./policies.ts";
import type {
  Approval,
  ApprovalDetails,
  ApprovalOptions,
  Decision,
  ListApprovals,
  ListedApproval,
} from "./types.ts";

/** One decision. */
export interface DecideOptions {
  reason?: string;
  /** Approves this input instead. It has to match the schema of the approval. */
  input?: unknown;
}

/** Approvals, on which somebody has to decide before work continues. */
export class Approvals {
  readonly policies: ApprovalPolicies;
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
    this.policies = new ApprovalPolicies(link);
  }

  /**
   * Asks for an approval outside of a job. A workflow asks with `ctx.approve`, and waits without costing
   * anything. Needs `approval:request`.
   *
   * @returns the approval: `pending`, or `approved` if the tenant's policies do not ask anybody (`waived`
   * says why).
   *
   * @example
   * const { data: asked } = await agent.approvals.request("Refund order 17?", { amount: 20 }, { category: "money" });
   */
  async request<Input = unknown>(
    title: string,
    input?: Input,
    options: ApprovalOptions = {},
  ): Promise<Result<Approval<Input>>> {
    const values = toRequest(title, input, options);
    const answer = await this.#link.rpc("request_approval", values, approvalRow);
    return answer.error ? answer : ok(toApproval<Approval<Input>>(answer.data));
  }

  /**
   * Lists approvals, newest first. With `mine`, lists only approvals that wait for you. Needs
   * `approval:read`.
   */
  async list(options: ListApprovals = {}): Promise<Result<ListedApproval[]>> {
    const { status, mine, category, before, limit } = options;
    const values = {
      ...(status && { of_status: [status].flat() }),
      ...(mine !== undefined && { mine }),
      ...(category && { of_category: category }),
      ...(before && { before: idOf(before) }),
      ...(limit !== undefined && { page_limit: limit }),
    };
    const answer = await this.#link.rpc("list_approvals", values, approvalRows);
    return answer.error ? answer : ok(answer.data.map((one) => toApproval<ListedApproval>(one)));
  }

  /**
   * Reads an approval with its decisions. Fails with `approval_unknown` if there is none. Needs
   * `approval:read`.
   */
  async get<Input = unknown>(id: string): Promise<Result<ApprovalDetails<Input>>> {
    const answer = await this.#link.rpc("get_approval", { id: idOf(id) }, approvalRow);
    return answer.error ? answer : ok(toApprovalDetails<Input>(answer.data));
  }

  /**
   * Approves what you have seen: pass the approval as you got it. With `input` you approve changed
   * arguments, and earlier approvals of the old arguments no longer count. Needs `approval:decide`.
   *
   * @returns the approval, which stays `pending` until its quorum is reached. Errors: `approval_own` if you
   * requested it yourself, `approval_not_yours`, `approval_changed` if the approval has changed,
   * `approval_decided`.
   *
   * @example
   * const [first] = (await mayfly.approvals.list({ mine: true })).data ?? [];
   * if (first) await mayfly.approvals.approve(first, { reason: "Tested on staging." });
   */
  approve(approval: Pick<Approval, "id" | "digest">, options: DecideOptions = {}) {
    return this.#decide({ ...options, ...seen(approval), verdict: "approve" });
  }

  /** Rejects. The caller that waits gets `approval_rejected` with the reason. Needs `approval:decide`. */
  reject(approval: Pick<Approval, "id" | "digest">, { reason }: { reason?: string } = {}) {
    return this.#decide({ ...(reason && { reason }), ...seen(approval), verdict: "reject" });
  }

  /**
   * Decides up to 100 approvals in one call, each independently.
   *
   * @returns for each decision, in order, the approval or the error.
   */
  async decide(
    decisions: Decision[],
  ): Promise<Result<({ approval: Approval } | { error: MayflyError })[]>> {
    const sent = decisions.map((one) => ({ ...one, id: idOf(one.id) }));
    const answer = await this.#link.rpc("decide_approvals", { decisions: sent }, decidedRows);
    if (answer.error) return answer;
    return ok(
      answer.data.map(({ approval, error }) =>
        error === undefined
          ? { approval: toApproval<Approval>(approval as object) }
          : { error: toRefusal(error) },
      ),
    );
  }

  /**
   * Delegates an approval to another person or agent. You must be allowed to decide it yourself. Needs
   * `approval:decide`.
   */
  async delegate(id: string, to: string, reason?: string): Promise<Result<Approval>> {
    const values = { id: idOf(id), to_id: idOf(to), ...(reason && { reason }) };
    const answer = await this.#link.rpc("delegate_approval", values, approvalRow);
    return answer.error ? answer : ok(toApproval<Approval>(answer.data));
  }

  /** Withdraws an approval that you requested. With `approval:admin`, any approval. */
  async cancel(id: string): Promise<Result<Approval>> {
    const answer = await this.#link.rpc("cancel_approval", { id: idOf(id) }, approvalRow);
    return answer.error ? answer : ok(toApproval<Approval>(answer.data));
  }

  async #decide(decision: Decision): Promise<Result<Approval>> {
    // As an argument, null would mean that the input is not changed. In a list of decisions, it is an input.
    if (decision.input === null) {
      const answer = await this.decide([decision]);
      if (answer.error) return answer;
      const [decided] = answer.data;
      return decided && "error" in decided
        ? failed(decided.error)
        : ok(decided?.approval as Approval);
    }
    const answer = await this.#link.rpc("decide_approval", decision, approvalRow);
    return answer.error ? answer : ok(toApproval<Approval>(answer.data));
  }
}

const seen = ({ id, digest }: Pick<Approval, "id" | "digest">) => ({ id: idOf(id), digest });
