/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    /** Reservations of the victim's agent. */
    hold: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

const ask = () => ({
  id: randomUUID(),
  agent: "scout",
  provider: "acme",
  model: "secret-plan",
  input: 10,
  output: 10,
});

export const sweep: RoomSweep = {
  shownBy: { budgets: "cost:read", model_usage: "cost:read", rate_limits: "cost:read" },
  common: ["model_names", "model_prices"],
  scopes: ["cost:read", "cost:write"],
  // A budget, a limit, a settled call, a failed call, and an open call.
  fill: async (sql, victim) => {
    const asAgent = <T>(name: string, values: Record<string, unknown>) =>
      rpc<T>(sql, victim.agent.claims, name, values);
    await rpc(sql, victim.owner, "set_budget", {
      level: "agent",
      subject: "scout",
      hard_tokens: 1_000,
    });
    await rpc(sql, victim.owner, "set_rate_limit", {
      level: "tool",
      subject: "secret-plan",
      per_minute: 60,
    });
    const asks = [ask(), ask(), ask()] as const;
    await asAgent("reserve_costs", { asks: asks as never });
    // This call reserves more than the budget has. It is refused, and the log has an event.
    await asAgent("reserve_costs", { asks: [{ ...ask(), input: 5_000 }] as never });
    const usage = { input: 5, output: 5 };
    await asAgent("settle_costs", { settlements: [{ hold: asks[0].id, usage }] as never });
    await asAgent("release_costs", {
      releases: [{ hold: asks[1].id, failure: "overloaded" }] as never,
    });
    return { hold: asks[2].id };
  },
  attacks: ({ hold }) => ({
    cost_report: needs("cost:read", "may"),
    delete_budget: needs("cost:admin", "may not", { level: "agent", subject: "scout" }),
    import_prices: {
      values: { prices: [], source: "mine" },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    list_budgets: needs("cost:read", "may"),
    model_price: { values: { provider: "acme", model: "x" }, needs: null, viewer: "may" },
    release_costs: needs("cost:write", "may not", { releases: [{ hold }] }),
    reserve_costs: needs("cost:write", "may not", { asks: [ask()] }),
    set_budget: needs("cost:admin", "may not", { level: "tenant", hard_usd: 1 }),
    set_rate_limit: needs("cost:admin", "may not", { level: "tenant", per_minute: 1 }),
    settle_costs: needs("cost:write", "may not", {
      settlements: [{ hold, usage: { input: 1_000 } }],
    }),
  }),
};
