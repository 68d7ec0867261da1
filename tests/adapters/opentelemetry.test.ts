import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openTelemetry } from "@mayfly/opentelemetry";
import { defineAgent, type HeldJob, Mayfly, serveJobs, type Telemetry } from "@mayfly/sdk";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startCollector, tracing } from "./otlp.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

/** A tenant, and Mayfly in it with telemetry that keeps its spans in memory. */
async function enterTraced(telemetry?: Telemetry) {
  tracing("http://127.0.0.1:9", "context");
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const { tenant, mayfly: plain } = await local.enter();
  const given = { url: local.apiUrl, key: local.secretKey, tenant };
  const traced = telemetry ?? openTelemetry({ tracerProvider });
  const mayfly = new Mayfly({ ...given, telemetry: traced });
  return {
    tenant,
    plain,
    mayfly,
    tracerProvider,
    tracer: tracerProvider.getTracer("test"),
    /** Waits for spans, which end a moment after the work. */
    spans: (name: string) =>
      expect.poll(() => exporter.getFinishedSpans().filter((span) => span.name === name)),
    all: () => exporter.getFinishedSpans(),
    named: (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name),
    close: async () => {
      await Promise.all([plain.close(), mayfly.close()]);
    },
  };
}

describe("tracing", () => {
  it("gives one trace to a run that moves between two workers", async () => {
    const collector = await startCollector();
    const { tenant, mayfly: plain } = await local.enter();
    const tracerProvider = tracing(collector.url, "starter");
    const { apiUrl: url, secretKey: key } = local;
    const mayfly = new Mayfly({ url, key, tenant, telemetry: openTelemetry({ tracerProvider }) });
    const start = (service: string, dies = "") =>
      fork(
        join(import.meta.dirname, "traced-worker.ts"),
        [url, key, tenant, collector.url, service, dies],
        { stdio: ["ignore", "ignore", "inherit", "ipc"] },
      );
    const analyst = defineAgent({ name: "analyst", model: {} as never });
    const run = await tracerProvider.getTracer("test").startActiveSpan("request", async (span) => {
      const started = dataOf(await mayfly.runs.start(analyst, "Why did order 17 not arrive?"));
      span.end();
      return started;
    });
    const [, signal] = await once(start("one", "check"), "exit");
    expect(signal).toBe("SIGKILL");
    // The worker is gone, and its lease has ended.
    await local.advance("31 seconds");
    const second = start("two");
    expect(dataOf(await run.result({ timeoutMs: 40_000 })).output).toBe("It was lost.");
    second.send("stop");
    await once(second, "exit");
    await tracerProvider.forceFlush();

    const request = collector.span("request", "starter");
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(
      new Set([request?.traceId]),
    );
    const added = collector.span("start run analyst", "starter");
    expect(added).toMatchObject({ parentSpanId: request?.spanId, kind: 4 });
    // What the first worker did before it died.
    expect(collector.span("chat scripted", "one")?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "scripted",
      "gen_ai.request.model": "scripted",
      "gen_ai.request.max_tokens": 8_192,
      "gen_ai.response.finish_reasons": ["tool-calls"],
      "gen_ai.usage.input_tokens": 10,
      "gen_ai.usage.output_tokens": 5,
    });
    expect(collector.span("execute_tool look", "one")?.attributes).toMatchObject({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "look",
      "gen_ai.tool.type": "function",
    });
    // The second worker continues, and does not call the model again for recorded steps.
    const job = collector.span("job run:analyst", "two");
    expect(job).toMatchObject({
      parentSpanId: added?.spanId,
      kind: 5,
      attributes: { "mayfly.job.attempt": 2, "mayfly.tenant.id": tenant },
    });
    const invoked = collector.span("invoke_agent analyst", "two");
    expect(invoked).toMatchObject({
      parentSpanId: job?.spanId,
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "analyst",
        "gen_ai.conversation.id": run.id,
      },
    });
    expect(collector.span("execute_tool check", "two")?.parentSpanId).toBe(invoked?.spanId);
    const second_ = collector.spans.filter(({ service }) => service === "two");
    expect(second_.map(({ name }) => name).sort()).toEqual([
      "chat scripted",
      "execute_tool check",
      "invoke_agent analyst",
      "job run:analyst",
    ]);
    await Promise.all([mayfly.close(), plain.close(), collector.close()]);
  });

  it("follows a message to its handler, to the job made from it, and to that job's child", async () => {
    const { mayfly, tracer, named, spans, close } = await enterTraced();
    const [asker, worker] = dataOf(await mayfly.spawnTeam([{ count: 2 }]));
    if (!asker || !worker) throw new Error("two were spawned");
    worker.on("task_assignment", worker.jobs.fromMessages("do-task"));
    dataOf(
      await worker.jobs.work({
        "do-task": async (_: unknown, job: HeldJob) => {
          await job.step("look", () => 1);
          return (await job.child("part")).data;
        },
        part: () => "done",
      }),
    );
    await tracer.startActiveSpan("request", async (span) => {
      dataOf(await asker.send(worker.id, "task_assignment", { task: "Look", priority: "normal" }));
      span.end();
    });
    await spans("job part").toHaveLength(1);
    // A parent that sleeps while its child works gets a second span after that.
    await spans("job do-task").toContainEqual(
      expect.objectContaining({
        attributes: expect.objectContaining({ "mayfly.job.outcome": "succeeded" }),
      }),
    );
    const [root] = named("request");
    const ids = [
      "send task_assignment",
      "process task_assignment",
      "add job do-task",
      "job do-task",
      "step look",
      "job part",
    ].map((name) => named(name)[0]?.spanContext().traceId);
    expect(new Set(ids)).toEqual(new Set([root?.spanContext().traceId]));
    const failed = named("job do-task").filter(({ status }) => status.code === 2);
    expect(failed).toEqual([]);
    expect(named("step look")).toHaveLength(1);
    await close();
  });

  it("gives one trace to all attempts of a job that was added without a trace", async () => {
    const { mayfly, plain, spans, named, close } = await enterTraced();
    dataOf(
      await mayfly.jobs.work({
        build: (_: unknown, job: HeldJob) => {
          if (job.attempt === 1) throw Object.assign(new Error("Not yet."), { code: "too_early" });
          return "built";
        },
      }),
    );
    const { id } = dataOf(await plain.jobs.add("build", {}, { backoff: { base: 0.01 } }));
    await spans("job build").toHaveLength(2);
    const [first, second] = named("job build");
    expect(first).toMatchObject({
      status: { code: 2, message: "Not yet." },
      attributes: { "error.type": "too_early", "mayfly.job.outcome": "failed" },
    });
    expect(second?.attributes["mayfly.job.outcome"]).toBe("succeeded");
    for (const span of [first, second])
      expect(span?.spanContext().traceId).toBe(id.replaceAll("-", ""));
    await close();
  });

  it("passes through edge functions, and through a function that works on jobs", async () => {
    const { mayfly, tenant, tracerProvider, tracer, named, spans, close } = await enterTraced();
    const heard: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      heard.push(request.headers);
      response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const telemetry = openTelemetry({ tracerProvider });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const elsewhere = new Mayfly({ url, key: "sb_publishable_x", tenant, telemetry });
    const traceId = await tracer.startActiveSpan("request", async (span) => {
      expect((await elsewhere.memory.recall("keys")).error?.code).toBe("unavailable");
      dataOf(await mayfly.jobs.add("served"));
      span.end();
      return span.spanContext().traceId;
    });
    expect(heard[0]?.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect(named("recall")[0]?.attributes).toMatchObject({ "error.type": "unavailable" });
    const { apiUrl, secretKey: key } = local;
    const serve = serveJobs({ served: () => 1 }, { url: apiUrl, key, tenant, telemetry });
    const call = new Request("http://f/jobs", { method: "POST", headers: { apikey: key } });
    expect(await (await serve(call)).json()).toMatchObject({ data: { done: 1 } });
    await spans("job served").toHaveLength(1);
    expect(named("job served")[0]?.spanContext().traceId).toBe(traceId);
    await elsewhere.close();
    await close();
    server.close();
  });

  it("changes nothing in the work if the collector is down or telemetry throws", async () => {
    const throwing: Telemetry = {
      span: (about, work) => {
        if (about.kind === "step") void work(() => {});
        throw new Error("It is broken.");
      },
      traceparent: () => {
        throw new Error("It is broken.");
      },
    };
    const down = openTelemetry({ tracerProvider: tracing("http://127.0.0.1:9", "down") });
    for (const telemetry of [down, throwing]) {
      const { mayfly, close } = await enterTraced(telemetry);
      let effects = 0;
      dataOf(
        await mayfly.jobs.work({
          build: (_: unknown, job: HeldJob) => job.step("effect", () => ++effects),
        }),
      );
      const { id } = dataOf(await mayfly.jobs.add("build"));
      const job = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 20_000 }));
      expect(job).toMatchObject({ status: "succeeded", result: 1, attempt: 1 });
      expect(effects).toBe(1);
      await close();
    }
  });
});
