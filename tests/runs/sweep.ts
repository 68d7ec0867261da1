/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** A working run, and its lease. */
    run: string;
    runLease: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

const call = (step: number) => ({
  step,
  try: 1,
  agent: "scout",
  provider: "acme",
  model: "secret-plan",
  digest: "0".repeat(64),
  parts: '[{"secret": "plan"}]',
  finish: "stop",
  usage: { input: 1, output: 1 },
  ms: 1,
});

export const sweep: RoomSweep = {
  shownBy: {
    runs: "run:read",
    run_chunks: "run:read",
    run_model_calls: "run:read",
    run_tool_calls: "run:read",
  },
  scopes: ["run:read", "run:write"],
  // A run that has asked for an approval and called a model and a tool, and whose stream has a listener.
  fill: async (sql, victim) => {
    const asAgent = <T>(name: string, values: Record<string, unknown>) =>
      rpc<T>(sql, victim.agent.claims, name, values);
    const { id } = await asAgent<{ id: string }>("start_run", {
      agent: "scout",
      input: '"the secret plan"',
      limits: { usd: 1 } as never,
      attributes: { plan: "secret" } as never,
    });
    const { jobs } = await asAgent<{ jobs: { lease: string }[] }>("claim_jobs", {
      queues: ["run:scout"],
      lease: 3600,
    });
    const lease = jobs[0]?.lease ?? "";
    await asAgent("begin_run", { lease });
    await asAgent("record_run_context", { lease, context: '"the secret plan"' });
    await asAgent("record_model_call", { lease, call: call(1) as never });
    const tool = { call_id: "one", tool: "secret-plan", input: '"the secret plan"' };
    await asAgent("begin_tool_calls", { lease, step: 1, calls: [tool] as never });
    await asAgent("append_run_chunks", { lease, after: 0, chunks: '["the secret plan"]', size: 1 });
    await rpc(sql, victim.owner, "read_run_chunks", { id, watch: true });
    return { run: id, runLease: lease };
  },
  topics: ({ tenant, run }) => ({ run: `tenant:${tenant}:run:${run}` }),
  attacks: ({ run: id, runLease: lease }) => ({
    append_run_chunks: needs("job:work", "may not", { lease, after: 1, chunks: "[1]", size: 1 }),
    begin_run: needs("job:work", "may not", { lease }),
    begin_tool_calls: needs("job:work", "may not", {
      lease,
      step: 1,
      calls: [{ call_id: "two", tool: "mine", input: "1" }],
    }),
    end_run: needs("job:work", "may not", { lease, status: "failed" }),
    end_tool_calls: needs("job:work", "may not", {
      lease,
      step: 1,
      ends: [{ call_id: "one", status: "failed" }],
    }),
    fork_run: needs("run:write", "may not", { id, at_step: 1 }),
    get_run: needs("run:read", "may", { id }),
    list_runs: needs("run:read", "may", { of_attributes: { plan: "secret" } }),
    pause_run: needs("run:write", "may not", { id }),
    read_run_chunks: needs("run:read", "may", { id }),
    record_model_call: needs("job:work", "may not", { lease, call: call(2) }),
    read_secret: needs("job:work", "may not", { lease, name: "openai" }),
    run_statistics: needs("run:read", "may"),
    record_run_context: needs("job:work", "may not", { lease, context: "1" }),
    start_run: needs("run:write", "may not", { agent: "mine" }),
  }),
};
