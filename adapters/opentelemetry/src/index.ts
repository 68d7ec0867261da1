/** Traces and metrics of a Mayfly project for OpenTelemetry and Prometheus. */
export { type ObserveMetricsOptions, observeMetrics } from "./observe-metrics.ts";
export { type ServeMetricsOptions, serveMetrics, toPrometheus } from "./prometheus.ts";
export {
  type Measurement,
  type MetricName,
  type MetricsOptions,
  readMetrics,
} from "./read-metrics.ts";
export { type OpenTelemetryOptions, openTelemetry } from "./telemetry.ts";
