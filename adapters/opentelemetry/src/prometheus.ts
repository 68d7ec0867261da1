import type { Agent, Mayfly } from "@mayfly/sdk";
import {
  definitions,
  type Measurement,
  type MetricName,
  type MetricsOptions,
  readMetrics,
} from "./read-metrics.ts";

/** Options of the page that Prometheus reads. */
export interface ServeMetricsOptions extends MetricsOptions {
  /**
   * The token that Prometheus sends as `authorization: Bearer …`. Null if something in front of the page checks
   * access.
   */
  secret: string | null;
}

/**
 * Makes the handler of `GET /metrics`, in the text format of Prometheus: for `Deno.serve`, an edge function, or
 * a route of your own server.
 *
 * @example
 * Deno.serve(serveMetrics(mayfly, { secret: Deno.env.get("METRICS_SECRET") }));
 */
export function serveMetrics(
  mayfly: Mayfly | Agent,
  { secret, ...options }: ServeMetricsOptions,
): (request: Request) => Promise<Response> {
  // An unset variable must not open the page.
  if (secret !== null && !secret)
    throw new TypeError("serveMetrics needs a secret. Pass null if something in front decides.");
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      return text(405, "# Use GET.\n", { allow: "GET, HEAD" });
    if (
      secret !== null &&
      !(await isSame(request.headers.get("authorization"), `Bearer ${secret}`))
    )
      return text(401, "# The secret is missing or wrong.\n", { "www-authenticate": "Bearer" });
    const { data, error } = await readMetrics(mayfly, options);
    if (error) return text(503, `# ${error.code}: ${error.message}\n`);
    return text(200, toPrometheus(data));
  };
}

/** Measurements in the text format of Prometheus. */
export function toPrometheus(measurements: Measurement[]): string {
  const groups = new Map<MetricName, Measurement[]>();
  for (const one of measurements) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  const lines = [...groups].flatMap(([metric, values]) => {
    const [unit, description] = definitions[metric];
    const name = `${metric.replaceAll(".", "_")}${suffixes[unit] ?? ""}`;
    return [
      `# HELP ${name} ${description}.`,
      `# TYPE ${name} gauge`,
      ...values.map(({ value, attributes }) => `${name}${labels(attributes)} ${value}`),
    ];
  });
  return `${lines.join("\n")}\n`;
}

const suffixes: Record<string, string> = { s: "_seconds", By: "_bytes", USD: "_usd" };

function labels(attributes: Record<string, string>): string {
  const pairs = Object.entries(attributes).map(
    ([name, value]) => `${name.replace(/[^a-zA-Z0-9_]/g, "_")}="${escaped(value)}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (value: string) =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** Compares digests, so that the time it takes reveals nothing about the secret. */
async function isSame(given: string | null, wanted: string): Promise<boolean> {
  const [a, b] = await Promise.all([given ?? "", wanted].map(digest));
  return a === b;
}
const digest = async (value: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value))).join();

const text = (status: number, body: string, headers: Record<string, string> = {}) =>
  new Response(body, {
    status,
    headers: {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
