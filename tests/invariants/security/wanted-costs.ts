/** Valid arguments for calls about costs, threads and runs, for tests that try all kinds of values in one argument. */
import { randomUUID } from "node:crypto";
import { wantedOfThreads } from "../../threads/wanted.ts";

export const wantedOfCosts: Record<string, unknown> = {
  "import_prices.prices": [{ provider: "acme", model: "round-1", prices: [{ units: {} }] }],
  "reserve_costs.asks": [
    { id: randomUUID(), agent: "one", provider: "acme", model: "round-1", input: 1 },
  ],
  "settle_costs.settlements": [{ hold: randomUUID(), usage: { input: 1 } }],
  "release_costs.releases": [{ hold: randomUUID() }],
  "set_budget.level": "tenant",
  "set_budget.hard_usd": 1,
  "set_rate_limit.level": "tenant",
};

export const wantedOfRuns = (run: string): Record<string, unknown> => ({
  ...wantedOfThreads,
  "grant_client.scopes": ["memory:read"],
  "start_run.agent": "one",
  "fork_run.at_step": 1,
  "fork_run.id": run,
  "append_run_chunks.chunks": "[[1, 1, {}]]",
  "append_run_chunks.size": 1,
  "begin_tool_calls.calls": [{ call_id: "one", tool: "one", input: "{}" }],
  "end_run.status": "succeeded",
  "end_tool_calls.ends": [{ call_id: "one", status: "succeeded" }],
  "record_model_call.call": {
    step: 1,
    try: 1,
    agent: "one",
    provider: "acme",
    model: "round-1",
    digest: "0".repeat(64),
    error: { code: "refused" },
  },
  "read_secret.name": "openai",
  "record_run_context.context": "{}",
});
