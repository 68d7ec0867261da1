/** A collector of OTLP over HTTP, and an OpenTelemetry SDK that sends to it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

type Value = { stringValue?: string; intValue?: number | string; arrayValue?: { values: Value[] } };
type Attributes = { key: string; value: Value }[];

export interface CollectedSpan {
  /** The scope of the span's tracer, which names the process. */
  service: string;
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: { code?: number; message?: string };
  attributes: Record<string, unknown>;
}

interface Received {
  resourceSpans?: {
    scopeSpans: {
      spans: (Omit<CollectedSpan, "attributes" | "service"> & { attributes: Attributes })[];
    }[];
  }[];
  resourceMetrics?: {
    scopeMetrics: {
      metrics: { name: string; gauge?: { dataPoints: { attributes: Attributes }[] } }[];
    }[];
  }[];
}

const plain = ({ stringValue, intValue, arrayValue }: Value): unknown =>
  stringValue ?? arrayValue?.values.map(plain) ?? Number(intValue);
const toRecord = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

export async function startCollector() {
  const spans: CollectedSpan[] = [];
  const metrics: { name: string; attributes: Record<string, unknown>[] }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const received = JSON.parse(body) as Received;
    const service = request.url?.split("/")[1] ?? "";
    for (const { scopeSpans } of received.resourceSpans ?? [])
      for (const scope of scopeSpans)
        for (const span of scope.spans)
          spans.push({ ...span, service, attributes: toRecord(span.attributes) });
    for (const { scopeMetrics } of received.resourceMetrics ?? [])
      for (const scope of scopeMetrics)
        for (const { name, gauge } of scope.metrics)
          metrics.push({
            name,
            attributes: (gauge?.dataPoints ?? []).map((point) => toRecord(point.attributes)),
          });
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    /** The first span with a name, in a service if one is named. */
    span: (name: string, service?: string) =>
      spans.find((one) => one.name === name && (!service || one.service === service)),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Each span is sent as soon as it has ended, so a process that is killed has already sent its spans. */
export function tracing(collector: string, service: string) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new OTLPTraceExporter({ url: `${collector}/${service}/v1/traces` });
  return new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
}
