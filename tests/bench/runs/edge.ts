/** The loop of loop.ts in an edge function, which runs in Deno and calls the Data API. */
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { startTestLocal } from "#harness/local";
import { configFor, makeProject } from "../../local/functions/project.ts";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { agentOf, modelUntil, turns } from "./agents.ts";

const root = join(import.meta.dirname, "../../..");
const source = `
import { defineAgent, runAgents, serveJobs, tool } from "@mayfly/sdk";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { z } from "zod";
const words = Array.from({ length: 40 }, (_, n) => "word" + n + " ");
const model = new MockLanguageModelV4({
  modelId: "scripted",
  doStream: async ({ prompt }) => {
    const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
    const isLast = step >= ${turns};
    const chunks = [
      { type: "text-start", id: "1" },
      ...words.map((delta) => ({ type: "text-delta", id: "1", delta })),
      { type: "text-end", id: "1" },
      ...(isLast ? [] : [{ type: "tool-call", toolCallId: "call-" + step, toolName: "look", input: JSON.stringify({ step }) }]),
      { type: "finish", finishReason: { unified: isLast ? "stop" : "tool-calls" }, usage: { inputTokens: { total: 10 }, outputTokens: { total: 1 } } },
    ];
    return { stream: simulateReadableStream({ chunks, chunkDelayInMs: null }) };
  },
});
const look = tool({ input: z.object({ step: z.number() }), risk: "read", run: ({ step }) => ({ seen: step }) });
const measured = defineAgent({ name: "measured", model, tools: { look } });
export default { fetch: serveJobs(runAgents(measured)) };`;

export async function measureEdge(): Promise<void> {
  const project = makeProject({ agents: source });
  const config = await readFile(join(root, "supabase/config.toml"), "utf8");
  const api = /\[api\][\s\S]*?(?=\n\[)/.exec(config)?.[0];
  project.write("supabase/config.toml", `${configFor(["agents"])}\n${api}\n`);
  const imports = {
    "@mayfly/sdk": "npm:@mayfly/sdk@0.2.0",
    "ai/test": "npm:ai@7.0.173/test",
    zod: "npm:zod@4.6.7",
  };
  project.write("functions/deno.json", JSON.stringify({ imports }));
  await symlink(join(root, "supabase/migrations"), join(project.root, "supabase/migrations"));
  const local = await startTestLocal({ root: project.root });
  const { mayfly } = await local.enter(unlimited);
  const agent = agentOf(modelUntil(turns));
  const run = async () => {
    const began = performance.now();
    const started = await mayfly.runs.start(agent, "Go.");
    if (started.error) throw started.error;
    const called = fetch(`${local.apiUrl}/functions/v1/agents`, {
      method: "POST",
      headers: { apikey: local.secretKey },
      body: "{}",
    });
    const ended = await started.data.result({ pollMs: 20, timeoutMs: 60_000 });
    if (ended.error) throw ended.error;
    const ms = performance.now() - began;
    await (await called).text();
    return ms;
  };
  await run();
  const times: number[] = [];
  for (let round = 0; round < rounds(20, 8); round++) times.push(await run());
  report({
    bench: "runs",
    name: `a streaming loop of ${turns} turns through an edge function, from start to result (goal: 900 ms)`,
    on: "pglite",
    unit: "ms",
    ours: quartiles(times).median,
  });
  await mayfly.close();
  await local.close();
  project.remove();
}
