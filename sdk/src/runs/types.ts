import type { JobSchema } from "../jobs/kinds.ts";

/**
 * A language model of the AI SDK: what a provider such as `@ai-sdk/anthropic` gives. Named by its shape, so that the
 * SDK's types need no package that is not installed.
 */
export interface RunModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  /** Answers in parts, as the AI SDK says. */
  // biome-ignore lint/suspicious/noExplicitAny: the AI SDK says what goes in and out.
  doStream(options: any): PromiseLike<any>;
  /** Answers whole, as the AI SDK says. */
  // biome-ignore lint/suspicious/noExplicitAny: the AI SDK says what goes in and out.
  doGenerate(options: any): PromiseLike<any>;
}

/** What a function that makes a model, or a tool, is given. */
export interface RunContext {
  /** Of the run. */
  runId: string;
  tenantId: string;
  /** The name of the agent, as its definition says it. */
  agent: string;
  step: number;
  /** A secret of the tenant, from the worker's resolver or from Supabase Vault. It stands in no row that agents read. */
  secret(name: string): Promise<string>;
}

/** What a tool is given besides its input. */
export interface ToolContext extends RunContext {
  /** The same for every attempt: give it to what has an effect, so that it has it once. */
  idempotencyKey: string;
  /** More than 1: a worker died while it ran, and it may have had its effect. */
  attempt: number;
  /** Ends when the run is cancelled, its lease is lost, or its time is over. */
  signal: AbortSignal;
}

/** A tool: what an agent can do. */
export interface ToolDefinition<Input = unknown, Output = unknown> {
  description?: string;
  /** A schema of zod, valibot, arktype or any other library of Standard Schema that gives JSON Schema. */
  input: JobSchema<Input>;
  /** `read` has no effect: such calls of one step run at once. Any word; shown in the audit. `write` by default. */
  risk?: string;
  /**
   * `always`: somebody has to approve each call. `policy`: the approval policies of the tenant say, by the risk as
   * category. `never` by default, or a function of the input. No text that a model reads can approve anything.
   */
  approval?: ToolApproval | ((input: Input) => ToolApproval);
  /** How long one call may take, in seconds: 60 by default. */
  timeout?: number;
  /** How often a call that throws is tried again: 0 by default. */
  retries?: number;
  /** Kept from the model and from the stream: the audit has it. */
  mask?: (output: Output) => unknown;
  /** Does it. What it returns is recorded before the model sees it. */
  run(input: Input, context: ToolContext): Output | Promise<Output>;
}
/** Whether a call of a tool needs approval: `always`, `never`, or as the policies of the tenant say. */
export type ToolApproval = "always" | "policy" | "never";

/** What an agent may use up. What is passed ends the run with a status of its own. */
export interface RunBudget {
  /** US dollars, never passed: the models' prices have to be known (`max_cost`). */
  usd?: number;
  /** Tokens in and out, never passed (`max_tokens`). */
  tokens?: number;
  /** Of models and tools at work; waits are not counted (`max_time`). */
  seconds?: number;
}

/** What an agent is: see {@link defineAgent}. */
export interface AgentOptions<Output = string> {
  /** Lower-case letters, digits, dots, dashes: runs are jobs of the name `run:<name>`. */
  name: string;
  /** A model, or a chain: when one fails, the next is called. A function is given the context, for keys of a tenant. */
  model: RunModel | ModelMaker | (RunModel | ModelMaker)[];
  instructions?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each tool names the type of its own input.
  tools?: Record<string, ToolDefinition<any, any>>;
  /** Calls of models with an answer: 20 by default (`max_steps`). */
  maxSteps?: number;
  /** How much one call may answer: 8,192 tokens by default, and what the budgets leave. */
  maxOutputTokens?: number;
  budget?: RunBudget;
  memory?: {
    /** How many memories are recalled before the first step. */
    recall?: number;
    /** For them, in tokens: 2,000 by default. */
    tokens?: number;
    /** Gives the agent a tool `recall`. */
    tool?: boolean;
    /** Remembers the question and the answer, with the reward that `judge` gives. */
    remember?: "outcome";
    /** From 0 to 1. People give theirs with `runs.feedback`. */
    judge?: (end: { input: unknown; output: Output }) => number | Promise<number>;
  };
  /** The answer has to fit: it is asked for again, `repairs` times (2), when it does not. */
  output?: JobSchema<Output>;
  repairs?: number;
  /** Agents that it can ask, each a tool `ask_<name>`: a run of its own, which this one waits for. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever they answer.
  delegates?: Agentlike<any>[];
  /** Agents that can take over, each a tool `hand_over_to_<name>`. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever they answer.
  handOver?: Agentlike<any>[];
  /** Settings of the AI SDK's call: temperature, providerOptions, toolChoice, … */
  settings?: Record<string, unknown>;
}
/** Makes a model when a run needs it, such as one with the key of the tenant. */
export type ModelMaker = (context: RunContext) => RunModel | Promise<RunModel>;

/** An agent that was defined: what `runs.start` and `runAgents` take. */
export interface Agentlike<Output = string> {
  readonly name: string;
  /** As they were given. */
  readonly options: AgentOptions<Output>;
}

/** Where a run stands. The last seven are its ends. */
export type RunStatus =
  | "queued"
  | "running"
  | "waiting"
  | "paused"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "max_steps"
  | "max_time"
  | "max_tokens"
  | "max_cost";

/** A run, with its totals. */
export interface RunInfo {
  id: string;
  agent: string;
  status: RunStatus;
  /** Calls of models with an answer. */
  steps: number;
  /** How often an answer did not fit and was asked for again. */
  repairs: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars; without the calls that are `unpriced`. */
  usd: number;
  unpriced: number;
  /** How long models and tools took; waits are not counted. */
  activeMs: number;
  limits: { steps?: number; seconds?: number; tokens?: number; usd?: number };
  error?: { code: string; message: string };
  parentId?: string;
  forkedFrom?: string;
  forkedAt?: number;
  createdBy?: string;
  createdAt: Date;
  startedAt?: Date;
  endedAt?: Date;
}

/** A call of a model. */
export interface RunModelCall {
  step: number;
  try: number;
  agent: string;
  provider: string;
  model: string;
  /** SHA-256 of the request. */
  digest: string;
  finish?: string;
  usage?: Record<string, number>;
  usd?: number;
  priced?: "exact" | "inexact" | "unknown";
  ms: number;
  /** Of a try that failed. */
  error?: { code: string; message: string };
  at: Date;
  /** The parts of the AI SDK's stream; only where they were asked for. */
  parts?: unknown[];
}

/** A call of a tool. */
export interface RunToolCall {
  step: number;
  callId: string;
  tool: string;
  risk?: string;
  status: "started" | "succeeded" | "failed" | "denied" | "edited";
  input: unknown;
  result?: unknown;
  error?: { code: string; message: string };
  approvalId?: string;
  /** How often it was begun: more than once, a worker died while it ran. */
  attempts: number;
  startedAt?: Date;
  endedAt?: Date;
}

/** A run with all that it has recorded. */
export interface RunDetails<Output = unknown> extends RunInfo {
  input: unknown;
  output: Output | null;
  /** What was recalled before the first step. */
  context: { memories: { id: string; score: number }[]; text: string } | null;
  calls: RunModelCall[];
  tools: RunToolCall[];
}

/** How a run ended well. */
export interface RunResult<Output = string> {
  id: string;
  output: Output;
  steps: number;
  usage: { inputTokens: number; outputTokens: number };
  /** `unpriced` calls are not in `usd`. */
  cost: { usd: number; unpriced: number };
}

/** A chunk of a run's stream. */
export interface RunChunk {
  /** The cursor: give it as `after` to go on behind it. */
  seq: number;
  step: number;
  /** A step that is retried streams again. Ignore what its earlier tries have streamed. */
  try: number;
  /** Of the AI SDK's UI message stream: `text-delta`, `tool-input-available`, `tool-output-available`, … */
  chunk: { type: string; [more: string]: unknown };
}

/** How a run is started. */
export interface StartRunOptions {
  /** Starting another run with this key gives the one there is. */
  key?: string;
  /** The lowest is first; 0 by default. */
  priority?: number;
}

/** How a run is forked. */
export interface ForkOptions {
  /** The first step to run again. */
  atStep: number;
  /** Said at that step; at the first it takes the place of the input. */
  input?: unknown;
  /** What tools of the step before gave instead, by the ids of their calls. */
  edits?: Record<string, unknown>;
}
