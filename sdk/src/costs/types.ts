/** What a budget is of: the whole tenant, a team with all that its members spawn, the agents of a name, or one run. */
export type BudgetLevel = "tenant" | "team" | "agent" | "run";

/** What may be spent. At least one of the limits. */
export interface BudgetOptions {
  level: BudgetLevel;
  /** The name of the agents, or the id of the team or the run; nothing for the tenant. */
  subject?: string;
  /** US dollars that are never passed: a call that might is refused before it is made. */
  hardUsd?: number;
  /** US dollars after which the log is told (`budget.reached`), and nothing else happens. */
  softUsd?: number;
  /** Tokens in and out that are never passed. */
  hardTokens?: number;
  /** When it starts again: never (`total`, the default), each day or each month, in UTC. */
  period?: "total" | "day" | "month";
}

/** A budget, with what was spent. */
export interface Budget {
  id: string;
  level: BudgetLevel;
  subject: string;
  hardUsd: number | null;
  softUsd: number | null;
  hardTokens: number | null;
  period: "total" | "day" | "month";
  /** Since when what was spent is counted. */
  periodStart: Date;
  spentUsd: number;
  /** Reserved for calls under way. */
  heldUsd: number;
  spentTokens: number;
  heldTokens: number;
  /** Calls of models without a known price: their cost is in no sum. */
  unpriced: number;
  reachedAt: Date | null;
  refusedAt: Date | null;
}

/** By what costs are told apart. */
export type CostDimension = "agent" | "model" | "provider" | "day" | "run";

/** Which costs. */
export interface CostReportOptions {
  /** `["model"]` by default; `[]` for one sum. */
  by?: CostDimension[];
  since?: Date;
  until?: Date;
  /** 1,000 by default, 10,000 at most. */
  limit?: number;
}

/** What was spent. */
export interface CostRow {
  agent?: string;
  provider?: string;
  model?: string;
  /** Such as `2026-11-29`, in UTC. */
  day?: string;
  run?: string;
  calls: number;
  /** Those read from a provider's cache included. */
  inputTokens: number;
  cacheReadTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  usd: number;
  /** Calls whose model has no known price: their cost is not in `usd`. */
  unpriced: number;
}

/** What a model costs. */
export interface ModelPrice {
  provider: string;
  model: string;
  /** The model whose price it is. */
  of: string;
  /** False: the name only begins like one that is known. A hard budget refuses such a model. */
  exact: boolean;
  /** By units, each with its steps `[above so many input tokens, US dollars]`: tokens by the million, requests and searches by the thousand. */
  units: Record<string, [number, number][]>;
}

/** Prices of a model, as {@link Costs.importPrices} takes them. */
export interface ImportedPrice {
  provider: string;
  model: string;
  /** The last one whose conditions hold at the time of a call counts. */
  prices: { from?: string; daily?: [string, string]; units: Record<string, [number, number][]> }[];
  names?: { name: string; exact: boolean }[];
}

/** How many calls a minute there may be. */
export interface RateLimitOptions {
  /** Of models: by the tenant, by the agents of a name, of one model (`provider/model`); of one tool. */
  level: "tenant" | "agent" | "model" | "tool";
  subject?: string;
  /** Null: no limit. */
  perMinute: number | null;
  /** How many may come at once; `perMinute` by default. */
  burst?: number;
}

/** What a call of a model used. */
export interface ModelUsage {
  /** All of them, those of the cache included. */
  input: number;
  cache_read?: number;
  cache_write?: number;
  /** Of those written, the ones that the provider keeps for an hour. */
  cache_write_1h?: number;
  /** All of them, reasoning included. */
  output: number;
  reasoning?: number;
  input_audio?: number;
  output_audio?: number;
  requests?: number;
  web_searches?: number;
}
