import { observeMetrics, readMetrics, serveMetrics } from "@mayfly/opentelemetry";
import { defineAgent } from "@mayfly/sdk";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startCollector } from "./otlp.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

describe("metrics", () => {
  /** A tenant whose run, job and memory contain its name. */
  async function fill(name: string) {
    const { tenant, mayfly } = await local.enter();
    const id = dataOf(await mayfly.jobs.add(`queue-${name}`)).id;
    dataOf(await mayfly.jobs.work({ [`queue-${name}`]: () => 1 }));
    dataOf(await mayfly.jobs.ended(id, { timeoutMs: 20_000 }));
    const agent = defineAgent({ name: `agent-${name}`, model: {} as never });
    dataOf(await mayfly.runs.start(agent, "Look."));
    dataOf(await mayfly.memory.remember({ task: name, output: "It works." }));
    return { tenant, mayfly };
  }

  it("are served to Prometheus with the secret, for one tenant only", async () => {
    const [ours, theirs] = await Promise.all([fill("ours"), fill("theirs")]);
    const reader = dataOf(
      await ours.mayfly.spawn({ scopes: ["run:read", "job:read", "memory:read"] }),
    );
    const attributes = { tenant: 'a"c\nme' };
    const serve = serveMetrics(reader, { secret: "s3cret", attributes });
    const get = (headers: Record<string, string>, method = "GET") =>
      serve(new Request("http://m/metrics", { method, headers }));
    expect((await get({})).status).toBe(401);
    expect((await get({ authorization: "Bearer wrong" })).status).toBe(401);
    const allowed = { authorization: "Bearer s3cret" };
    expect((await get(allowed, "POST")).status).toBe(405);
    const answer = await get(allowed);
    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    const page = await answer.text();
    expect(page).toContain("# TYPE mayfly_queue_jobs gauge\n");
    expect(page).toContain(
      'mayfly_queue_jobs{tenant="a\\"c\\nme",queue="queue-ours",status="succeeded"} 1\n',
    );
    expect(page).toContain(
      'mayfly_runs{tenant="a\\"c\\nme",agent="agent-ours",status="queued"} 1\n',
    );
    expect(page).toMatch(/mayfly_queue_duration_seconds\{.*quantile="0\.99"\} [\d.]+\n/);
    expect(page).toMatch(/mayfly_memories\{.*kind="episode"\} 1\n/);
    expect(page).not.toContain("theirs");
    expect(() => serveMetrics(reader, { secret: "" })).toThrow("needs a secret");
    await Promise.all([ours.mayfly.close(), theirs.mayfly.close()]);
  });

  it("leave out what the caller may not read", async () => {
    const { mayfly } = await fill("narrow");
    const reader = dataOf(await mayfly.spawn({ scopes: ["job:read"] }));
    const names = dataOf(await readMetrics(reader)).map(({ name }) => name.split(".")[1]);
    expect(new Set(names)).toEqual(new Set(["queue"]));
    await mayfly.close();
  });

  it("go to a collector by OTLP, read from the database at each collection", async () => {
    const collector = await startCollector();
    const { mayfly } = await fill("exported");
    const provider = new MeterProvider({
      readers: [
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter({ url: `${collector.url}/m/v1/metrics` }),
          exportIntervalMillis: 3_600_000,
        }),
      ],
    });
    const stop = observeMetrics(mayfly, { meter: provider.getMeter("test") });
    await provider.forceFlush();
    const jobs = collector.metrics.find(({ name }) => name === "mayfly.queue.jobs");
    expect(jobs?.attributes).toContainEqual({ queue: "queue-exported", status: "succeeded" });
    stop();
    await provider.shutdown();
    await Promise.all([mayfly.close(), collector.close()]);
  });

  it("count runs, models and tools, with how long they took", async () => {
    const { mayfly } = await fill("numbers");
    const [row] =
      await local.sql`select tenant_id, id from mayfly.runs where agent = 'agent-numbers'`;
    await local.sql`update mayfly.runs set status = 'succeeded', started_at = created_at, ended_at = created_at + interval '2 s'
      where id = ${row?.id}`;
    for (const [at, ms] of [100, 200, 900].entries())
      await local.sql`insert into mayfly.run_model_calls
        (tenant_id, run_id, step, try, agent, provider, model, digest, parts, usage, usd, ms, attempt, bytes)
        values (${row?.tenant_id}, ${row?.id}, ${at + 1}, 1, 'agent-numbers', 'acme', 'big', '\\x00', '[]',
          '{"input": 10, "output": 5}', 0.01, ${ms}, 1, 0)`;
    const found = dataOf(await mayfly.runs.statistics({ seconds: 600 }));
    expect(found.agents).toEqual([
      {
        agent: "agent-numbers",
        byStatus: { succeeded: 1 },
        run: { p50: 2_000, p95: 2_000, p99: 2_000 },
      },
    ]);
    expect(found.models).toEqual([
      {
        provider: "acme",
        model: "big",
        succeeded: 3,
        failed: 0,
        inputTokens: 30,
        outputTokens: 15,
        usd: 0.03,
        ms: { p50: 200, p95: 830, p99: 886 },
      },
    ]);
    const wrong = await mayfly.runs.statistics({ seconds: 0 });
    expect(wrong.error).toMatchObject({ code: "invalid_request", details: { field: "seconds" } });
    await mayfly.close();
  });
});
