/** What a scripted model does at a step: it returns a text, or calls one or several tools. */
export type Scripted = string | ToolCall | ToolCall[];

export interface ToolCall {
  tool: string;
  input: unknown;
}

interface Prompt {
  prompt: { role: string }[];
}

const usage = {
  inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
};

/**
 * A model for `defineAgent` that answers from a script, one entry for each step of a run. When the
 * script is used up, it repeats the last entry. It counts the answers in the prompt, so any worker
 * that resumes the run gets the same answer.
 *
 * @example
 * const model = scriptedModel({ tool: "order", input: { id: 17 } }, "It was lost on the way.");
 */
export function scriptedModel(...script: [Scripted, ...Scripted[]]) {
  const answerOf = ({ prompt }: Prompt) => {
    const step = prompt.filter(({ role }) => role === "assistant").length;
    return script[Math.min(step, script.length - 1)] as Scripted;
  };
  return {
    specificationVersion: "v4" as const,
    provider: "scripted",
    modelId: "scripted",
    supportedUrls: {},
    doStream: async (options: Prompt) => ({
      stream: new ReadableStream({
        start(controller) {
          for (const part of partsOf(answerOf(options))) controller.enqueue(part);
          controller.close();
        },
      }),
    }),
    doGenerate: async (options: Prompt) => {
      const answer = answerOf(options);
      const content =
        typeof answer === "string" ? [{ type: "text", text: answer }] : callsOf(answer);
      return { content, finishReason: finishOf(answer), usage, warnings: [] };
    },
  };
}

function partsOf(answer: Scripted): object[] {
  const said =
    typeof answer === "string"
      ? [
          { type: "text-start", id: "1" },
          { type: "text-delta", id: "1", delta: answer },
          { type: "text-end", id: "1" },
        ]
      : callsOf(answer);
  return [
    { type: "stream-start", warnings: [] },
    ...said,
    { type: "finish", finishReason: finishOf(answer), usage },
  ];
}

const callsOf = (answer: ToolCall | ToolCall[]) =>
  [answer].flat().map(({ tool, input }, nth) => ({
    type: "tool-call",
    toolCallId: `call-${nth + 1}-${tool}`,
    toolName: tool,
    input: JSON.stringify(input),
  }));

const finishOf = (answer: Scripted) => ({
  unified: typeof answer === "string" ? "stop" : "tool-calls",
  raw: undefined,
});
