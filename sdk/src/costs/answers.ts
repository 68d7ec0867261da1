/** Schemas of answers about costs. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  deleted,
  flag,
  list,
  maybeCount,
  row,
  text,
  word,
} from "../contract/answer-form.ts";
import { fromRow } from "../link/rows.ts";
import type { Budget, CostRow, ModelPrice } from "./types.ts";

export { deleted };

interface BudgetRow {
  id: string;
  level: string;
  subject: string;
  spent_usd: number;
  held_usd: number;
}
export const budgetRow = row<BudgetRow>({
  id: text,
  level: text,
  subject: text,
  spent_usd: count,
  held_usd: count,
}).and(z.looseObject({}));
export const budgetRows = list(budgetRow);
export const toBudget = (given: object) => {
  const { periodStart, ...more } = fromRow(given) as unknown as Budget;
  return { ...more, periodStart: new Date(periodStart) };
};

interface ReportRow {
  calls: number;
  usd: number;
}
const report = row<ReportRow>({ calls: count, usd: count }).and(z.looseObject({}));
export const reportRows = list(report);
export const toCost = (given: object) => fromRow(given) as unknown as CostRow;

export const modelPrice = row<ModelPrice>({
  provider: text,
  model: text,
  of: text,
  exact: flag,
  units: z.record(text, z.array(z.tuple([count, count]))),
}).nullable();
export const imported = row<{ models: number; changed: number; names: number }>({
  models: count,
  changed: count,
  names: count,
});
export const rateLimit = row<{ level: string; per_minute: number | null }>({
  level: text,
  per_minute: maybeCount,
});

/** The result of a reservation. */
export interface Reserved {
  id: string;
  granted?: boolean | undefined;
  /** How many tokens the call may return. */
  output?: number | undefined;
  usd?: number | undefined;
  priced?: "exact" | "inexact" | "unknown" | undefined;
  code?: string | undefined;
  retry_after?: number | undefined;
  level?: string | undefined;
  /** Which limit of the budget is used up: `usd` or `tokens`. */
  of?: string | undefined;
  subject?: string | undefined;
  left_usd?: number | null | undefined;
}
export const reservedRow = row<Reserved>({
  id: text,
  granted: flag.optional(),
  output: count.optional(),
  usd: count.optional(),
  priced: word.optional(),
  code: text.optional(),
  retry_after: count.optional(),
  level: text.optional(),
  of: text.optional(),
  subject: text.optional(),
  left_usd: maybeCount.optional(),
});
export const reservedRows = list(reservedRow);
/** What a call cost. `usd` is null if its price is unknown. */
export interface Settled {
  id: string;
  usd?: number | null | undefined;
  priced?: "exact" | "inexact" | "unknown" | undefined;
  code?: string | undefined;
}
export const settledRows = list(
  row<Settled>({
    id: text,
    usd: maybeCount.optional(),
    priced: word.optional(),
    code: text.optional(),
  }),
);
export const releasedCosts = row<{ released: number }>({ released: count });
