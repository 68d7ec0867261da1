import type { Approval, DecideOptions, ListApprovals, ListedApproval, Result } from "@mayfly/sdk";
import { followList } from "./lists.ts";
import { useMayfly } from "./provider.ts";
import type { Live } from "./store.ts";
import { useLive } from "./use-live.ts";

/** Which approvals. By default, those that are pending. */
export type UseApprovals = Pick<ListApprovals, "status" | "mine" | "category" | "limit">;

/** Approvals, and how to decide them. */
export interface LiveApprovals extends Live<ListedApproval[]> {
  /** Approves exactly what was shown: see `mayfly.approvals.approve`. */
  approve(
    seen: Pick<Approval, "id" | "digest">,
    options?: DecideOptions,
  ): Promise<Result<Approval>>;
  /** Rejects what was shown: see `mayfly.approvals.reject`. */
  reject(
    seen: Pick<Approval, "id" | "digest">,
    options?: { reason?: string },
  ): Promise<Result<Approval>>;
}

const none: ListedApproval[] = [];

/**
 * Follows the pending approvals, newest first. `decidable` says whether the caller may decide an
 * approval. Needs `approval:read`.
 *
 * @example
 * const { data: approvals, approve } = useApprovals({ mine: true });
 */
export function useApprovals(options: UseApprovals = {}): LiveApprovals {
  const mayfly = useMayfly();
  const { status = "pending", mine, category, limit } = options;
  const wanted = {
    status,
    ...(mine !== undefined && { mine }),
    ...(category && { category }),
    ...(limit !== undefined && { limit }),
  };
  const follow = followList(mayfly, ["approval.*"], () => mayfly.approvals.list(wanted));
  const live = useLive(mayfly, `approvals ${JSON.stringify(wanted)}`, none, follow);
  return {
    ...live,
    approve: (seen, given) => mayfly.approvals.approve(seen, given),
    reject: (seen, given) => mayfly.approvals.reject(seen, given),
  };
}
