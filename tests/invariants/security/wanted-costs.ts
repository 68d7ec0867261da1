/** What the calls about costs and runs take, where nothing else is tried. */
import { randomUUID } from "node:crypto";

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
  "start_run.agent": "one",
  "fork_run.at_step": 1,
  "fork_run.id": run,
});
