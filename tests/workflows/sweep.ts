/** How the room is attacked in the isolation sweep. Its rows are graphs and the rows of jobs. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A sleeping workflow. */
    workflow: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

const secretGraph = { steps: { plan: {} } } as never;

export const sweep: RoomSweep = {
  shownBy: { workflow_graphs: "job:read" },
  scopes: ["job:read", "job:add", "job:work"],
  fill: async (sql, victim) => {
    const jobs = [{ name: "workflow:plan:1", delay: 9_000, input: { secret: "plan" } }] as never;
    const [added] = await rpc<{ id: string }[]>(sql, victim.agent.claims, "add_jobs", { jobs });
    await rpc(sql, victim.owner, "set_graph", { name: "secret", version: "1", graph: secretGraph });
    return { workflow: added?.id ?? "" };
  },
  attacks: ({ workflow: id, jobLease: lease }) => ({
    advance_graph: needs("job:work", "may not", { lease, graph: secretGraph }),
    delete_graph: needs("job:admin", "may not", { name: "secret", version: "1" }),
    get_graph: needs("job:read", "may", { name: "secret" }),
    list_graphs: needs("job:read", "may"),
    list_workflows: needs("job:read", "may", { of_attributes: { plan: "secret" } }),
    move_workflow: needs("job:add", "may not", { id, to_version: "2" }),
    query_workflow: needs("job:read", "may", { id }),
    read_graph_input: needs("job:work", "may not", { lease }),
    report_workflow: needs("job:work", "may not", { lease, value: "planted" }),
    retry_steps: needs("job:work", "may not", { lease, names: ["one"] }),
    set_graph: needs("job:add", "may not", { name: "planted", version: "1", graph: secretGraph }),
    wait_any: needs("job:work", "may not", { lease, waits: [{ step: "mine", signal: "go" }] }),
    workflow_history: needs("job:read", "may", { id }),
  }),
};
