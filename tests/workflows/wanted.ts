/**
 * Valid arguments for the functions of this room. Tests try all kinds of values in one argument, and use these
 * values in the others.
 */
export const wantedOfWorkflows = (lease: string, run: string) => ({
  "set_job_attributes.changes": {},
  "wait_any.lease": lease,
  "wait_any.waits": [{ step: "any", signal: "never" }],
  "wait_any.jobs": [{ name: "any" }],
  "wait_any.may_sleep": false,
  "advance_graph.lease": lease,
  "advance_graph.graph": { steps: { read: {} } },
  "read_graph_input.lease": lease,
  "set_graph.name": "digest",
  "set_graph.version": "1",
  "set_graph.graph": { steps: { read: {} } },
  "get_graph.name": "digest",
  "delete_graph.name": "digest",
  "delete_graph.version": "1",
  "report_workflow.lease": lease,
  "retry_steps.lease": lease,
  "retry_steps.names": ["read"],
  "query_workflow.id": run,
  "workflow_history.id": run,
  "move_workflow.id": run,
  "move_workflow.to_version": "2",
});
