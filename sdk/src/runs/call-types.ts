/** A model call. */
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
  /** The error of a failed try. */
  error?: { code: string; message: string };
  at: Date;
  /** What the model said, and which tools it called. Missing for a failed try. */
  answer?: RunAnswer;
  /** The parts of the AI SDK's stream. Only if you asked for them. */
  parts?: unknown[];
}

/** The answer of a model at a step. */
export interface RunAnswer {
  text: string;
  /** What the model thought before it answered, if the provider shows that. */
  reasoning: string;
  calls: { callId: string; tool: string; input: unknown }[];
}

/** A tool call. */
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
  /** How often it was started. If this is above 1, a worker died while the tool ran. */
  attempts: number;
  startedAt?: Date;
  endedAt?: Date;
}
