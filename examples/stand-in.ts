/**
 * Stands in for a language model if there is no key. It follows a script and understands nothing, and says so
 * wherever its name is shown.
 */
import type { LanguageModelV4, LanguageModelV4Prompt } from "@ai-sdk/provider";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";

/** What the stand-in knows when it answers. */
export interface Told {
  /** The last message of a person or another agent. */
  question: string;
  /** Memories that were recalled before the first step. */
  recalled: { task: string; output: string }[];
  /** The results of its tools, oldest first. */
  results: unknown[];
}

/** Decides what the stand-in says next, or which tool it calls. */
export type Script = (told: Told) => string | { tool: string; input: object };

export const standInName = "a scripted stand-in (no model: it understands nothing)";

/** `pauseMs` is the pause between two words. */
export const standIn = (script: Script, { pauseMs }: { pauseMs?: number } = {}): LanguageModelV4 =>
  new MockLanguageModelV4({
    provider: "stand-in",
    modelId: "scripted",
    doStream: async ({ prompt }) => {
      const told = toldBy(prompt);
      const next = script(told);
      const isText = typeof next === "string";
      const said = isText
        ? [
            { type: "text-start" as const, id: "1" },
            ...next
              .split(/(?<= )/)
              .map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
            { type: "text-end" as const, id: "1" },
          ]
        : [
            {
              type: "tool-call" as const,
              toolCallId: `call-${told.results.length + 1}`,
              toolName: next.tool,
              input: JSON.stringify(next.input),
            },
          ];
      const unified = isText ? ("stop" as const) : ("tool-calls" as const);
      const finish = {
        type: "finish" as const,
        finishReason: { unified, raw: undefined },
        usage: usageOf(
          JSON.stringify(prompt).length,
          (isText ? next : JSON.stringify(next)).length,
        ),
      };
      const chunks = [...said, finish];
      const pace = pauseMs !== undefined && { chunkDelayInMs: pauseMs };
      return { stream: simulateReadableStream({ chunks, ...pace }) };
    },
  });

function toldBy(prompt: LanguageModelV4Prompt): Told {
  const told: Told = { question: "", recalled: [], results: [] };
  for (const { role, content } of prompt) {
    if (role === "user")
      for (const part of content) {
        if (part.type !== "text") continue;
        if (part.text.startsWith("<recalled-memories>")) told.recalled = memoriesOf(part.text);
        else told.question = part.text;
      }
    if (role === "tool")
      for (const part of content)
        if (part.type === "tool-result")
          told.results.push("value" in part.output ? part.output.value : null);
  }
  return told;
}

const memoriesOf = (text: string): Told["recalled"] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

/** Assumes four characters per token. */
const usageOf = (read: number, written: number) => ({
  inputTokens: {
    total: Math.ceil(read / 4),
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: Math.ceil(written / 4), text: undefined, reasoning: undefined },
});
