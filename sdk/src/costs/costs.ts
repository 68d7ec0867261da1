import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { imported, modelPrice, rateLimit, reportRows, toCost } from "./answers.ts";
import { Budgets } from "./budgets.ts";
import type {
  CostReportOptions,
  CostRow,
  ImportedPrice,
  ModelPrice,
  RateLimitOptions,
} from "./types.ts";

const pricesPerCall = 500;

/** What models cost, budgets, and what was spent. */
export class Costs {
  readonly budgets: Budgets;
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
    this.budgets = new Budgets(link);
  }

  /**
   * Reports what was spent. Needs `cost:read`.
   *
   * @example
   * const { data: rows } = await mayfly.costs.report({ by: ["day", "agent", "model"] });
   */
  async report(options: CostReportOptions = {}): Promise<Result<CostRow[]>> {
    const { by, since, until, limit } = options;
    const values = {
      ...(by && { by }),
      ...(since && { since: since.toISOString() }),
      ...(until && { until: until.toISOString() }),
      ...(limit !== undefined && { page_limit: limit }),
    };
    const answer = await this.#link.rpc("cost_report", values, reportRows);
    return answer.error ? answer : ok(answer.data.map(toCost));
  }

  /** What a model costs, now or at another time. Null if that is unknown. */
  price(provider: string, model: string, at?: Date): Promise<Result<ModelPrice | null>> {
    const values = { provider, model, ...(at && { at: at.toISOString() }) };
    return this.#link.rpc("model_price", values, modelPrice);
  }

  /**
   * Imports prices for all tenants. Changed prices apply from now on. For the secret key.
   * `mayfly prices import` does this with the prices of many providers.
   *
   * @example
   * await mayfly.costs.importPrices(
   *   [{ provider: "acme", model: "round-1", prices: [{ units: { input: [[0, 3]], output: [[0, 15]] } }] }],
   *   "our contract of November",
   * );
   */
  async importPrices(
    prices: ImportedPrice[],
    source: string,
  ): Promise<Result<{ models: number; changed: number; names: number }>> {
    const sum = { models: 0, changed: 0, names: 0 };
    for (let at = 0; at < prices.length || at === 0; at += pricesPerCall) {
      const part = { prices: prices.slice(at, at + pricesPerCall), source };
      const answer = await this.#link.rpc("import_prices", part, imported);
      if (answer.error) return answer;
      sum.models += answer.data.models;
      sum.changed += answer.data.changed;
      sum.names += answer.data.names;
    }
    return ok(sum);
  }

  /**
   * Limits how many model calls, or calls of a tool, all callers together may make in a minute. Needs
   * `cost:admin`.
   *
   * @example
   * await mayfly.costs.limit({ level: "tool", subject: "refund", perMinute: 10 });
   */
  async limit(options: RateLimitOptions): Promise<Result<null>> {
    const { level, subject, perMinute, burst } = options;
    const values = {
      level,
      per_minute: perMinute,
      ...(subject !== undefined && { subject }),
      ...(burst !== undefined && { burst }),
    };
    const answer = await this.#link.rpc("set_rate_limit", values, rateLimit);
    return answer.error ? answer : ok(null);
  }
}
