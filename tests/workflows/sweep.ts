/** How the room is attacked in the isolation sweep. Its rows are those of jobs. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A workflow that sleeps. */
    workflow: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

export const sweep: RoomSweep = {
  shownBy: {},
  scopes: ["job:read", "job:add", "job:work"],
  fill: async (sql, victim) => {
    const jobs = [{ name: "workflow:plan:1", delay: 9_000, input: { secret: "plan" } }] as never;
    const [added] = await rpc<{ id: string }[]>(sql, victim.agent.claims, "add_jobs", { jobs });
    return { workflow: added?.id ?? "" };
  },
  attacks: ({ workflow: id, jobLease: lease }) => ({
    list_workflows: needs("job:read", "may"),
    move_workflow: needs("job:add", "may not", { id, to_version: "2" }),
    query_workflow: needs("job:read", "may", { id }),
    report_workflow: needs("job:work", "may not", { lease, value: "planted" }),
    retry_steps: needs("job:work", "may not", { lease, names: ["one"] }),
    wait_any: needs("job:work", "may not", { lease, waits: [{ step: "mine", signal: "go" }] }),
    workflow_history: needs("job:read", "may", { id }),
  }),
};
