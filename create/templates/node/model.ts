import { gateway } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";

/** Without a key, a stand-in answers. It copies sentences and understands nothing. */
export const isStandIn = !process.env.AI_GATEWAY_API_KEY;

// You can use any model of the AI SDK, such as anthropic("claude-haiku-4-5") from
// @ai-sdk/anthropic.
export const model = isStandIn
  ? standIn()
  : gateway(process.env.MODEL ?? "anthropic/claude-haiku-4.5");

function standIn() {
  const tokens = {
    inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 0, text: 0, reasoning: 0 },
  };
  return new MockLanguageModelV4({
    provider: "stand-in",
    modelId: "copies-sentences",
    doStream: async ({ prompt }) => {
      const said = prompt.flatMap(({ role, content }) =>
        role === "user" ? content.map((part) => (part.type === "text" ? part.text : "")) : [],
      );
      const recalled = said.filter((text) => text.startsWith("<recalled-memories>"));
      const input = said.find((text) => !text.startsWith("<recalled-memories>")) ?? "";
      const delta = recalled.length > 0 ? bestOf(recalled.join("\n"), input) : input;
      return {
        stream: simulateReadableStream({
          chunks: [
            { type: "text-start" as const, id: "1" },
            { type: "text-delta" as const, id: "1", delta },
            { type: "text-end" as const, id: "1" },
            {
              type: "finish" as const,
              finishReason: { unified: "stop" as const, raw: undefined },
              usage: tokens,
            },
          ],
        }),
      };
    },
  });
}

/** The recalled sentence that shares the most words with the question. */
function bestOf(recalled: string, question: string): string {
  const sentences = recalled.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const { output } = JSON.parse(line) as { output: string | null };
    return (output ?? "").split(/(?<=\.)\s+|\n+/).filter((text) => text.endsWith("."));
  });
  const asked = wordsOf(question);
  const shared = (text: string) => [...wordsOf(text)].filter((word) => asked.has(word)).length;
  return sentences.sort((one, other) => shared(other) - shared(one))[0] ?? "I recall nothing.";
}

/** Compares the beginnings of words, so that "refund" and "refunds" match. */
const wordsOf = (text: string) =>
  new Set((text.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.slice(0, 5)));
