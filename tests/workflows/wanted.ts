/** What the functions of the room need besides, when values are tried on them. */
export const wantedOfWorkflows = (lease: string, run: string) => ({
  "wait_any.lease": lease,
  "wait_any.waits": [{ step: "any", signal: "never" }],
  "wait_any.jobs": [{ name: "any" }],
  "wait_any.may_sleep": false,
  "report_workflow.lease": lease,
  "retry_steps.lease": lease,
  "retry_steps.names": ["read"],
  "query_workflow.id": run,
  "workflow_history.id": run,
  "move_workflow.id": run,
  "move_workflow.to_version": "2",
});
