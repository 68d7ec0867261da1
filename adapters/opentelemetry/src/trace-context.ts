/** The W3C `traceparent` with which another process continues a trace. */
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from "@opentelemetry/api";

const form = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

export function toTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** @returns the context of a remote parent. Undefined if the text is not a traceparent. */
export function contextOf(traceparent: string | null): Context | undefined {
  const [, traceId = "", spanId = "", flags = ""] = form.exec(traceparent ?? "") ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : undefined;
}

/**
 * The trace of a job that was added without telemetry. The job's id is the trace id, so all its attempts
 * belong to one trace, even on different workers.
 */
export function contextOfJob(id: string): Context {
  const traceId = id.replaceAll("-", "").toLowerCase();
  const parent = { traceId, spanId: traceId.slice(16), traceFlags: TraceFlags.SAMPLED };
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}
