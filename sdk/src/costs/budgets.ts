import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { budgetRow, budgetRows, deleted, toBudget } from "./answers.ts";
import type { Budget, BudgetLevel, BudgetOptions } from "./types.ts";

/** Budgets for models. */
export class Budgets {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Sets a budget, replacing the old one. What was already spent still counts. Needs `cost:admin`.
   *
   * @returns `invalid_request` with the field, `scope_missing`, `quota_exceeded`.
   *
   * @example
   * await mayfly.costs.budgets.set({ level: "tenant", hardUsd: 50, softUsd: 40, period: "month" });
   * await mayfly.costs.budgets.set({ level: "agent", subject: "analyst", hardUsd: 5, period: "day" });
   */
  async set(budget: BudgetOptions): Promise<Result<Budget>> {
    const { level, subject, hardUsd, softUsd, hardTokens, period } = budget;
    const values = {
      level,
      ...(subject !== undefined && { subject }),
      ...(hardUsd !== undefined && { hard_usd: hardUsd }),
      ...(softUsd !== undefined && { soft_usd: softUsd }),
      ...(hardTokens !== undefined && { hard_tokens: hardTokens }),
      ...(period && { period }),
    };
    const answer = await this.#link.rpc("set_budget", values, budgetRow);
    return answer.error ? answer : ok(toBudget(answer.data));
  }

  /**
   * Lists budgets with what was spent: the tenant's, then those of agents, then those of runs. Needs
   * `cost:read`.
   */
  async list({ level }: { level?: BudgetLevel } = {}): Promise<Result<Budget[]>> {
    const answer = await this.#link.rpc(
      "list_budgets",
      { ...(level && { of_level: level }) },
      budgetRows,
    );
    return answer.error ? answer : ok(answer.data.map(toBudget));
  }

  /** Deletes a budget. The ledger stays. Needs `cost:admin`. */
  delete(level: BudgetLevel, subject = ""): Promise<Result<{ deleted: boolean }>> {
    return this.#link.rpc("delete_budget", { level, subject }, deleted);
  }
}
