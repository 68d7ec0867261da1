/** What a span is about. */
export type SpanAbout =
  /** A run or job is added, or a message is sent. It continues the trace of this span. */
  | { kind: "add"; what: "job" | "run" | "message"; name: string; tenantId: string | undefined }
  /** One attempt of a job. `trace` is the trace context of the caller that added the job. */
  | {
      kind: "job";
      name: string;
      id: string;
      queue: string;
      attempt: number;
      tenantId: string;
      trace: string | null;
    }
  /** A step of a job or a workflow that runs now. A step that was recorded earlier has no span. */
  | { kind: "step"; name: string; jobId: string; attempt: number }
  /** One attempt of a run. */
  | { kind: "agent"; name: string; runId: string; attempt: number }
  /** A call of a model. */
  | { kind: "model"; provider: string; model: string; runId: string; step: number }
  /** A call of a tool. */
  | { kind: "tool"; name: string; description?: string; callId: string; runId: string }
  /** The handling of a message. `trace` is the trace context of its sender. */
  | {
      kind: "message";
      type: string;
      id: string;
      attempt: number;
      tenantId: string | undefined;
      trace: string | null;
    }
  /** A search in the memories of the tenant. */
  | { kind: "recall"; tenantId: string | undefined };

/** What is known only at the end of a span. */
export interface SpanFacts {
  /** The id of what was added. */
  id?: string;
  /** A code, such as `handler_failed`. The span has failed. */
  error?: { code: string; message: string };
  /** The outcome of an attempt of a job. `waits`: the job waits. `lost`: somebody else has the job now. */
  outcome?: "succeeded" | "failed" | "waits" | "lost";
  maxTokens?: number;
  finish?: string;
  usage?: {
    input: number;
    output: number;
    cache_read?: number;
    cache_write?: number;
    reasoning?: number;
  };
}

/** Adds facts to a span. */
export type Tell = (facts: SpanFacts) => void;

/**
 * Observes what the SDK does. `@mayfly/opentelemetry` has an implementation for OpenTelemetry; you can
 * write your own. It cannot change what it observes: if it throws, the error is ignored.
 */
export interface Telemetry {
  /** Calls `work` once, before it returns, in a span that lasts until the promise of `work` settles. */
  span(about: SpanAbout, work: (tell: Tell) => Promise<unknown>): void;
  /**
   * The trace context of the current span (W3C `traceparent`). It is sent with jobs, messages and function
   * calls.
   */
  traceparent(): string | undefined;
}
