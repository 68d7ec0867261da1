/** A worker in its own process, which sends its spans: see opentelemetry.test.ts. */
import { openTelemetry } from "@mayfly/opentelemetry";
import { defineAgent, Mayfly, runAgents, tool } from "@mayfly/sdk";
import { scriptedModel } from "@mayfly/testing";
import { z } from "zod";
import { tracing } from "./otlp.ts";

const [url = "", key = "", tenant = "", collector = "", service = "", dies = ""] =
  process.argv.slice(2);
const tracerProvider = tracing(collector, service);
const mayfly = new Mayfly({ url, key, tenant, telemetry: openTelemetry({ tracerProvider }) });
const answer = (text: string) => async () => {
  if (text === dies) {
    // Sends the spans of what it did. The span of the run itself never ends.
    await tracerProvider.forceFlush();
    process.kill(process.pid, "SIGKILL");
  }
  return { text };
};
const analyst = defineAgent({
  name: "analyst",
  // A stand-in for a model.
  model: scriptedModel({ tool: "look", input: {} }, { tool: "check", input: {} }, "It was lost."),
  tools: {
    look: tool({ input: z.object({}), risk: "read", run: answer("look") }),
    check: tool({ input: z.object({}), run: answer("check") }),
  },
});
const { data: work, error } = await mayfly.jobs.work(runAgents(analyst), { pollMs: 200 });
if (error) throw error;
process.once("message", async () => {
  await work.stop();
  await tracerProvider.forceFlush();
  process.exit(0);
});
