/**
 * What a budget covers: the whole tenant, a team with all descendants of its members, all agents with the same
 * name, or one run.
 */
export type BudgetLevel = "tenant" | "team" | "agent" | "run";

/** A budget. It needs at least one of the limits. */
export interface BudgetOptions {
  level: BudgetLevel;
  /** The name of the agents, or the id of the team or the run. Empty for the tenant. */
  subject?: string;
  /** US dollars that are never exceeded: a call that might exceed them is refused before it is made. */
  hardUsd?: number;
  /** US dollars after which the log gets `budget.reached`. Nothing is refused. */
  softUsd?: number;
  /** Tokens, input and output together, that are never exceeded. */
  hardTokens?: number;
  /** When the budget starts again: never (`total`, the default), each day or each month, in UTC. */
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
  /** The start of the period in which spending is counted. */
  periodStart: Date;
  spentUsd: number;
  /** Reserved for running calls. */
  heldUsd: number;
  spentTokens: number;
  heldTokens: number;
  /** Model calls without a known price. No sum includes their cost. */
  unpriced: number;
  reachedAt: Date | null;
  refusedAt: Date | null;
}

/** How to group costs. */
export type CostDimension = "tenant" | "agent" | "model" | "provider" | "day" | "run";

/** Which costs to report. */
export interface CostReportOptions {
  /**
   * `["model"]` by default. With `[]`, the result is one sum. With `tenant`, a `Mayfly` without a tenant gets
   * the costs of every tenant that it may read.
   */
  by?: CostDimension[];
  since?: Date;
  until?: Date;
  /** 1,000 by default, 10,000 at most. */
  limit?: number;
}

/** What was spent. */
export interface CostRow {
  tenant?: string;
  agent?: string;
  provider?: string;
  model?: string;
  /** The day, such as `2026-11-29`, in UTC. */
  day?: string;
  run?: string;
  calls: number;
  inputTokens: number;
  /** Input tokens that were read from a provider's cache. */
  cacheReadTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  usd: number;
  /** Calls of models without a known price. Their cost is not in `usd`. */
  unpriced: number;
}

/** What a model costs. */
export interface ModelPrice {
  provider: string;
  model: string;
  /** The model to which the price belongs. */
  of: string;
  /** False if the model's name only begins like that of a known model. A hard budget refuses such a model. */
  exact: boolean;
  /**
   * For each unit, its price steps: `[above this many input tokens, US dollars]`. A price is for a million
   * tokens, or for a thousand requests or searches.
   */
  units: Record<string, [number, number][]>;
}

/** Prices of a model, for {@link Costs.importPrices}. */
export interface ImportedPrice {
  provider: string;
  model: string;
  /** If the conditions of several entries hold at the time of a call, the last of these entries is used. */
  prices: { from?: string; daily?: [string, string]; units: Record<string, [number, number][]> }[];
  names?: { name: string; exact: boolean }[];
}

/** A limit of calls per minute. */
export interface RateLimitOptions {
  /**
   * What is limited: model calls of the tenant, of all agents with the same name, or of one model
   * (`provider/model`); or calls of one tool.
   */
  level: "tenant" | "agent" | "model" | "tool";
  subject?: string;
  /** Null removes the limit. */
  perMinute: number | null;
  /** How many calls may come at once. `perMinute` by default. */
  burst?: number;
}

/** What a call of a model used. */
export interface ModelUsage {
  /** All input tokens, including cached ones. */
  input: number;
  cache_read?: number;
  cache_write?: number;
  /** The written cache tokens that the provider keeps for an hour. */
  cache_write_1h?: number;
  /** All output tokens, including reasoning. */
  output: number;
  reasoning?: number;
  input_audio?: number;
  output_audio?: number;
  requests?: number;
  web_searches?: number;
}
