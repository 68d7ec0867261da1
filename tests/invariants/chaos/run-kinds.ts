/** Agents on a scripted model that use tools, another agent and an approval. See runs.chaos.ts. */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { defineAgent, type JobHandlers, runAgents, tool } from "@mayfly/sdk";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { z } from "zod";

/** In each of these steps, the counter calls a tool. In the next one, it answers. */
export const calling = 6;
/** The step in which it asks another agent, and the one in which it asks for an approval. */
const asking = 3;
const approving = 5;

/** Long enough to be killed between the call of a model and its record, or within a tool. */
const answersMs = 300;
const actsMs = 150;

export const answerOf = (n: number) =>
  `The sums: ${[1, 2, 3, 4, 5, 6]
    .filter((step) => step !== asking)
    .map((step) => n * 100 + step)
    .join(" ")}. It said: Half of it.`;

const usage = {
  inputTokens: { total: 100, noCache: 100, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 10, text: 10, reasoning: 0 },
};

/** A model whose answers depend only on its prompt. `pay` is called at each call of the model. */
function scripted(
  pay: (step: number) => void,
  answer: (step: number, prompt: string) => string | { tool: string; input: object },
) {
  return new MockLanguageModelV4({
    provider: "chaos.scripted",
    modelId: "scripted",
    doStream: async ({ prompt }) => {
      const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
      pay(step);
      const given = answer(step, JSON.stringify(prompt));
      const said: LanguageModelV4StreamPart[] =
        typeof given === "string"
          ? [
              { type: "text-start", id: "1" },
              { type: "text-delta", id: "1", delta: given },
              { type: "text-end", id: "1" },
            ]
          : [
              {
                type: "tool-call",
                toolCallId: `call-${step}`,
                toolName: given.tool,
                input: JSON.stringify(given.input),
              },
            ];
      const unified = typeof given === "string" ? "stop" : "tool-calls";
      const finish: LanguageModelV4StreamPart = {
        ...{ type: "finish", finishReason: { unified, raw: undefined }, usage },
      };
      return {
        stream: simulateReadableStream({
          ...{ chunks: [...said, finish], initialDelayInMs: answersMs, chunkDelayInMs: 20 },
        }),
      };
    },
  });
}

export interface Seen {
  /** Called when a model is called. This is what costs money. */
  pay(runId: string, step: number): void;
  /** Called when a tool has its effect. */
  effect(key: string, attempt: number): void;
}

export function agentsWith({ pay, effect }: Seen) {
  const halver = defineAgent({
    name: "halver",
    model: ({ runId }) =>
      scripted(
        (step) => pay(runId, step),
        () => "Half of it.",
      ),
  });
  const input = z.object({ sum: z.number() });
  const add = (approval: "always" | "never") =>
    tool({
      ...{ input, risk: approval === "always" ? "chaos" : "write", approval },
      run: async ({ sum }, { idempotencyKey, attempt }) => {
        effect(idempotencyKey, attempt);
        await new Promise((resolve) => setTimeout(resolve, actsMs));
        return { sum };
      },
    });
  const counter = defineAgent({
    name: "counter",
    delegates: [halver],
    tools: { add: add("never"), add_slowly: add("always") },
    model: ({ runId }) =>
      scripted(
        (step) => pay(runId, step),
        (step, prompt) => {
          const n = Number(/Count (\d+)/.exec(prompt)?.[1]);
          if (step === asking) return { tool: "ask_halver", input: { task: "Halve it." } };
          if (step <= calling)
            return {
              tool: step === approving ? "add_slowly" : "add",
              input: { sum: n * 100 + step },
            };
          const sums = [...prompt.matchAll(/"value":\{"sum":(\d+)\}/g)].map(([, sum]) => sum);
          const said = /"value":"(Half[^"]*)"/.exec(prompt)?.[1];
          return `The sums: ${sums.join(" ")}. It said: ${said}`;
        },
      ),
  });
  return { counter, halver };
}

export const handlersWith = (seen: Seen): JobHandlers => runAgents(agentsWith(seen).counter);
