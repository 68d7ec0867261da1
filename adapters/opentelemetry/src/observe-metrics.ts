import type { Agent, Mayfly } from "@mayfly/sdk";
import {
  type BatchObservableCallback,
  diag,
  type Meter,
  metrics,
  type ObservableGauge,
} from "@opentelemetry/api";
import { definitions, type MetricName, type MetricsOptions, readMetrics } from "./read-metrics.ts";

/** Options of metrics for OpenTelemetry. */
export interface ObserveMetricsOptions extends MetricsOptions {
  /** By default, a meter of the provider that your OpenTelemetry SDK registered. */
  meter?: Meter;
}

/**
 * Lets your OpenTelemetry SDK read the metrics of the tenant each time it collects, for OTLP or any other
 * exporter.
 *
 * @returns a function that stops it.
 */
export function observeMetrics(
  mayfly: Mayfly | Agent,
  { meter = metrics.getMeter("@mayfly/opentelemetry"), ...options }: ObserveMetricsOptions = {},
): () => void {
  const gauges = new Map<MetricName, ObservableGauge>();
  for (const [name, [unit, description]] of Object.entries(definitions))
    gauges.set(name as MetricName, meter.createObservableGauge(name, { unit, description }));
  const collect: BatchObservableCallback = async (result) => {
    const { data, error } = await readMetrics(mayfly, options);
    if (error) return diag.warn(`Metrics of Mayfly could not be read: ${error.message}`);
    for (const { name, value, attributes } of data) {
      const gauge = gauges.get(name);
      if (gauge) result.observe(gauge, value, attributes);
    }
  };
  meter.addBatchObservableCallback(collect, [...gauges.values()]);
  return () => meter.removeBatchObservableCallback(collect, [...gauges.values()]);
}
