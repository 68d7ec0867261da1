/**
 * Valid arguments for the functions of this room. Tests try all kinds of values in one argument, and use these
 * values in the others.
 */
export const wantedOfApprovals = (
  lease: string,
  asked: { id: string; digest: string },
  askedByJob: string,
  admin: string,
) => ({
  "request_approval.lease": lease,
  "request_approval.step": "ask",
  "decide_approval.id": asked.id,
  "decide_approval.verdict": "approve",
  "decide_approval.digest": asked.digest,
  "delegate_approval.id": asked.id,
  "delegate_approval.to_id": admin,
  "use_approval.lease": lease,
  "use_approval.id": askedByJob,
});
