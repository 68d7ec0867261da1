import type { SpanAbout, SpanFacts, Telemetry } from "@mayfly/sdk";
import {
  type Attributes,
  context,
  isSpanContextValid,
  type MeterProvider,
  metrics,
  type Span,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { describe, described } from "./describe.ts";
import { attribute, bounds, metric } from "./names.ts";
import { toTraceparent } from "./trace-context.ts";

/** Where to send spans and measurements. By default, to the providers that your OpenTelemetry SDK registered. */
export interface OpenTelemetryOptions {
  tracerProvider?: TracerProvider;
  meterProvider?: MeterProvider;
}

const scope = "@mayfly/opentelemetry";

/**
 * Makes spans for runs, model and tool calls, jobs, steps, messages and recalls, and measures how long they
 * take. They contain names and sizes, but no inputs, outputs or prompts. Start your OpenTelemetry SDK first.
 *
 * @example
 * const mayfly = new Mayfly({ url, key, tenant, telemetry: openTelemetry() });
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const { tracerProvider = trace, meterProvider = metrics } = options;
  const tracer = tracerProvider.getTracer(scope);
  const measure = measures(meterProvider);
  return {
    span(about, work) {
      const { name, kind, attributes, parent = context.active() } = describe(about);
      tracer.startActiveSpan(name, { kind, attributes }, parent, (span) => {
        const begun = performance.now();
        const facts: SpanFacts = {};
        const end = (thrown?: unknown) => {
          const error = thrown === undefined ? facts.error : (facts.error ?? errorOf(thrown));
          finish(span, { ...facts, ...(error && { error }) });
          measure(about, { ...facts, ...(error && { error }) }, performance.now() - begun);
        };
        work((told) => Object.assign(facts, told)).then(() => end(), end);
      });
    },
    traceparent() {
      const current = trace.getActiveSpan()?.spanContext();
      return current && isSpanContextValid(current) ? toTraceparent(current) : undefined;
    },
  };
}

function finish(span: Span, facts: SpanFacts): void {
  span.setAttributes(described(facts));
  if (facts.error) span.setStatus({ code: SpanStatusCode.ERROR, message: facts.error.message });
  span.end();
}

/** A job that goes to sleep leaves its handler by throwing `Asleep`. That is not a failure. */
function errorOf(thrown: unknown): SpanFacts["error"] {
  const { name, code, message } = Object(thrown) as Record<string, unknown>;
  if (name === "Asleep") return undefined;
  const said = typeof code === "string" ? code : typeof name === "string" ? name : "_OTHER";
  return { code: said, message: String(message ?? thrown) };
}

function measures(provider: MeterProvider) {
  const meter = provider.getMeter(scope);
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: bounds.seconds } };
  const duration = meter.createHistogram(metric.operationDuration, {
    ...seconds,
    description: "How long agents, models and tools took.",
  });
  const recall = meter.createHistogram(metric.recallDuration, {
    ...seconds,
    description: "How long recalls took.",
  });
  const tokens = meter.createHistogram(metric.tokenUsage, {
    unit: "{token}",
    advice: { explicitBucketBoundaries: bounds.tokens },
    description: "Input and output tokens of calls of models.",
  });
  return (about: SpanAbout, { error, usage }: SpanFacts, ms: number) => {
    const attributes = { ...labelsOf(about), ...(error && { [attribute.errorType]: error.code }) };
    if (about.kind === "recall") recall.record(ms / 1_000, attributes);
    else if (about.kind === "agent" || about.kind === "model" || about.kind === "tool")
      duration.record(ms / 1_000, attributes);
    if (usage)
      for (const type of ["input", "output"] as const)
        tokens.record(usage[type], { ...attributes, [attribute.tokenType]: type });
  };
}

/** The labels of a measurement. They must have few distinct values, so ids are left out. */
function labelsOf(about: SpanAbout): Attributes {
  const { attributes } = describe(about);
  const labels = [
    attribute.operation,
    attribute.provider,
    attribute.requestModel,
    attribute.agentName,
    attribute.toolName,
  ];
  return Object.fromEntries(
    labels.flatMap((label) =>
      attributes[label] === undefined ? [] : [[label, attributes[label]]],
    ),
  );
}
