import type { SpanAbout, Telemetry, Tell } from "../contract/telemetry.ts";

/** Does work in a span, if anything observes it. The work is done once, even if the telemetry fails. */
export function observe<T>(
  telemetry: Telemetry | undefined,
  about: () => SpanAbout,
  work: (tell: Tell) => Promise<T>,
): Promise<T> {
  if (!telemetry) return work(nobody);
  let done: Promise<T> | undefined;
  const once = (tell: Tell) => {
    done ??= work((facts) => attempt(() => tell(facts)));
    return done;
  };
  attempt(() => telemetry.span(about(), once));
  return done ?? once(nobody);
}

/** The trace context to pass on, or an empty object. */
export function traceOf(telemetry: Telemetry | undefined): { trace?: string } {
  const trace = attempt(() => telemetry?.traceparent());
  return trace ? { trace } : {};
}

const nobody: Tell = () => {};

function attempt<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch {
    return undefined;
  }
}
