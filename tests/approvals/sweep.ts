/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A pending approval, and its digest. */
    approval: string;
    approvalDigest: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

export const sweep: RoomSweep = {
  shownBy: {
    approval_decisions: "approval:read",
    approval_policies: "approval:read",
    approvals: "approval:read",
  },
  scopes: ["approval:read", "approval:request"],
  // Makes a policy and two approvals, and approves one of them.
  fill: async (sql, victim) => {
    const asked = await rpc<{ id: string; digest: string }>(
      sql,
      victim.agent.claims,
      "request_approval",
      { title: "The secret plan?", input: { secret: "plan" } as never, quorum: 2 },
    );
    const { id, digest } = asked;
    const reason = "the secret plan";
    await rpc(sql, victim.owner, "decide_approval", { id, digest, verdict: "approve", reason });
    await rpc(sql, victim.owner, "set_approval_policy", { category: "secret", quorum: 3 });
    return { approval: id, approvalDigest: digest };
  },
  attacks: ({ approval: id, approvalDigest: digest, jobLease: lease, owner }) => ({
    cancel_approval: needs("approval:request", "may not", { id }),
    decide_approval: needs("approval:decide", "may not", { id, digest, verdict: "approve" }),
    decide_approvals: needs("approval:decide", "may not", {
      decisions: [{ id, digest, verdict: "approve" }],
    }),
    delegate_approval: needs("approval:decide", "may not", { id, to_id: owner.sub }),
    delete_approval_policy: needs("approval:admin", "may not", { category: "secret" }),
    get_approval: needs("approval:read", "may", { id }),
    list_approval_policies: needs("approval:read", "may"),
    list_approvals: needs("approval:read", "may"),
    request_approval: needs("approval:request", "may not", { title: "Mine?" }),
    set_approval_policy: needs("approval:admin", "may not", { autonomy: "none" }),
    use_approval: needs("job:work", "may not", { lease, id, step: "mine" }),
  }),
};
