import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { partsOf, type Scripted } from "../runs/running.ts";

/** A model that answers by a script, and keeps the prompts that it got. */
export function scripted(
  script: (step: number) => Scripted,
  { modelId = "scripted", supportedUrls = {} as Record<string, RegExp[]> } = {},
) {
  const prompts: { role: string; content: unknown }[][] = [];
  const next = (prompt: { role: string }[]) => {
    prompts.push(prompt as (typeof prompts)[number]);
    const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
    const said = script(step);
    if (said instanceof Error) throw said;
    return partsOf(step, said);
  };
  const model = new MockLanguageModelV4({
    provider: "test.scripted",
    modelId,
    supportedUrls,
    doStream: async ({ prompt }) => ({
      stream: simulateReadableStream({ chunks: next(prompt), chunkDelayInMs: null }),
    }),
    doGenerate: async ({ prompt }) => {
      const parts = next(prompt);
      const text = parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : []));
      const end = parts.find((part) => part.type === "finish");
      if (!end) throw new Error("The script has no end.");
      return {
        content: [
          ...(text.length > 0 ? [{ type: "text" as const, text: text.join("") }] : []),
          ...parts.filter((part) => part.type === "tool-call"),
        ],
        finishReason: end.finishReason,
        usage: end.usage,
        warnings: [],
      };
    },
  });
  return { model, prompts };
}
