import type { AttributeChanges, Attributes } from "../jobs/attributes.ts";
import type { JobSchema } from "../jobs/kinds.ts";
import type { RunModelCall, RunToolCall } from "./call-types.ts";

/**
 * A language model of the AI SDK, as a provider such as `@ai-sdk/anthropic` returns it. It is
 * described by its shape, so that the SDK's types do not need a package that may be missing.
 */
export interface RunModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  /** Streams an answer, as the AI SDK defines it. */
  // biome-ignore lint/suspicious/noExplicitAny: the AI SDK says what goes in and out.
  doStream(options: any): PromiseLike<any>;
  /** Returns a complete answer, as the AI SDK defines it. */
  // biome-ignore lint/suspicious/noExplicitAny: the AI SDK says what goes in and out.
  doGenerate(options: any): PromiseLike<any>;
}

/** The context of a function that makes a model, and of a tool. */
export interface RunContext {
  /** The id of the run. */
  runId: string;
  tenantId: string;
  /** The name in the agent's definition. */
  agent: string;
  step: number;
  /**
   * A secret of the tenant, from the worker's resolver or from Supabase Vault. It is not stored in any row that
   * agents can read.
   */
  secret(name: string): Promise<string>;
}

/** The context of a tool, besides its input. */
export interface ToolContext extends RunContext {
  /**
   * A key that is the same for each attempt. Send it with each request that has an effect, so that the
   * effect happens only once.
   */
  idempotencyKey: string;
  /** If this is above 1, a worker died while the tool ran, so the tool may already have had its effect. */
  attempt: number;
  /** Aborted when the run is cancelled, its lease is lost, or its time is over. */
  signal: AbortSignal;
  /**
   * Changes the attributes of the run, by which lists find it, and returns all of them. Null removes one, and
   * those that are not named stay.
   */
  attributes(changes: AttributeChanges): Promise<Attributes>;
}

/** A tool: what an agent can do. */
export interface ToolDefinition<Input = unknown, Output = unknown> {
  description?: string;
  /**
   * A schema from zod, valibot, arktype or any other library that supports Standard Schema and JSON Schema.
   */
  input: JobSchema<Input>;
  /**
   * `read` means that the tool has no effect. Such calls of the same step run in parallel. Any other word is
   * possible, and the audit shows it. `write` by default.
   */
  risk?: string;
  /**
   * `always`: somebody has to approve each call. `policy`: the tenant's approval policies decide, with the risk
   * as category. `never` is the default. You can also pass a function of the input. No text that a model reads
   * can approve anything.
   */
  approval?: ToolApproval | ((input: Input) => ToolApproval);
  /** How long one call may take, in seconds: 60 by default. */
  timeout?: number;
  /** How often to retry a call that throws. 0 by default. */
  retries?: number;
  /** Returns what the model and the stream see instead of the result. The audit has the whole result. */
  mask?: (output: Output) => unknown;
  /** Runs the tool. Its result is recorded before the model sees it. */
  run(input: Input, context: ToolContext): Output | Promise<Output>;
}
/** Whether a tool call needs approval: `always`, `never`, or what the tenant's policies say. */
export type ToolApproval = "always" | "policy" | "never";

/** The limits of an agent. A run that reaches a limit ends with the status in parentheses. */
export interface RunBudget {
  /** US dollars, never exceeded. The models' prices have to be known (`max_cost`). */
  usd?: number;
  /** Input and output tokens, never exceeded (`max_tokens`). */
  tokens?: number;
  /** How long models and tools may work in all. Waiting does not count (`max_time`). */
  seconds?: number;
}

/** The definition of an agent: see {@link defineAgent}. */
export interface AgentOptions<Output = string> {
  /** Lower case letters, digits, dots, dashes. Its runs are jobs with the name `run:<name>`. */
  name: string;
  /**
   * A model, or a chain of models: if one fails, the next is called. Instead of a model, you can pass a
   * function that makes it, for example with the tenant's own key.
   */
  model: RunModel | ModelMaker | (RunModel | ModelMaker)[];
  instructions?: string;
  /** What forms say about it. By default, the description of the input's schema. */
  description?: string;
  /**
   * What a run begins with has to match this schema. Forms are made from it, and agents that can ask this one
   * see it. Without a schema, a run begins with a text or any JSON.
   */
  input?: JobSchema;
  // biome-ignore lint/suspicious/noExplicitAny: each tool names the type of its own input.
  tools?: Record<string, ToolDefinition<any, any>>;
  /** How many model calls with an answer a run may make: 20 by default (status `max_steps`). */
  maxSteps?: number;
  /** How many tokens one model call may return: 8,192 by default, and never more than the budgets allow. */
  maxOutputTokens?: number;
  budget?: RunBudget;
  memory?: {
    /** How many memories to recall before the first step. */
    recall?: number;
    /** The token budget of the recalled memories. 2,000 by default. */
    tokens?: number;
    /** Whether the agent gets a tool `recall`. */
    tool?: boolean;
    /** Remembers the question and the answer, with the reward from `judge`. */
    remember?: "outcome";
    /** Returns the reward, from 0 to 1. People can set it later with `runs.feedback`. */
    judge?: (end: { input: unknown; output: Output }) => number | Promise<number>;
  };
  /**
   * The answer has to match this schema. If it does not, the model is asked again, up to `repairs`
   * times (2).
   */
  output?: JobSchema<Output>;
  repairs?: number;
  /**
   * Agents that it can ask, each with a tool `ask_<name>`. The other agent answers in its own run, and this run
   * waits.
   */
  // biome-ignore lint/suspicious/noExplicitAny: whatever they answer.
  delegates?: Agentlike<any>[];
  /** Agents that can take over, each with a tool `hand_over_to_<name>`. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever they answer.
  handOver?: Agentlike<any>[];
  /** Settings of the AI SDK's call: temperature, providerOptions, toolChoice, … */
  settings?: Record<string, unknown>;
}
/** Makes a model when a run needs it, for example one with the tenant's key. */
export type ModelMaker = (context: RunContext) => RunModel | Promise<RunModel>;

/** A defined agent, for `runs.start` and `runAgents`. */
export interface Agentlike<Output = string> {
  readonly name: string;
  /** The options as you passed them. */
  readonly options: AgentOptions<Output>;
}

/** The status of a run. The last seven are final. */
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
  /** The first 200 characters of its input. Only in lists; missing for a fork that only continues. */
  about?: string;
  /** Model calls with an answer. */
  steps: number;
  /** How often the model was asked again because its answer did not match the schema. */
  repairs: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars, without `unpriced` calls. */
  usd: number;
  unpriced: number;
  /** How long models and tools took. Waiting does not count. */
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
  attributes?: Attributes;
}

/** A run with everything that it recorded. */
export interface RunDetails<Output = unknown> extends RunInfo {
  input: unknown;
  /** Every input, with the step before which it was added. Forks can add inputs. */
  inputs: { step: number; input: unknown }[];
  output: Output | null;
  /** The memories that were recalled before the first step. */
  context: { memories: { id: string; score: number }[]; text: string } | null;
  calls: RunModelCall[];
  tools: RunToolCall[];
}

/** The result of a successful run. */
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
  /** The cursor. Pass it as `after` to continue after this chunk. */
  seq: number;
  step: number;
  /**
   * Which try of the step it belongs to. A step that is retried streams again. Ignore the chunks of earlier
   * tries.
   */
  try: number;
  /**
   * A chunk of the AI SDK's UI message stream: `text-delta`, `tool-input-available`, `tool-output-available`,
   * …
   */
  chunk: { type: string; [more: string]: unknown };
}
