/** The conversation of the recorded runs: what the model answers at each step, and what the tools return. */
import type { LanguageModelV4StreamPart as Part } from "@ai-sdk/provider";

export const steps = 4;

const input = { type: "object", properties: { q: { type: "string" } }, required: ["q"] };

interface RecordedTool {
  schema: object;
  /** What is wrong with an input. */
  problemOf(value: unknown): string | undefined;
}

/** The tools, with their own validation. */
export const schemas: Record<string, RecordedTool> = {
  search: {
    schema: input,
    problemOf: (value) =>
      typeof (value as { q?: unknown }).q === "string" ? undefined : "q must be a string",
  },
  breaks: { schema: { type: "object", properties: {} }, problemOf: () => undefined },
};

const usage = {
  inputTokens: { total: 100, noCache: 60, cacheRead: 40, cacheWrite: 0 },
  outputTokens: { total: 10, text: 7, reasoning: 3 },
  raw: { cache_creation: { ephemeral_1h_input_tokens: 5 } },
};
const signed = { anthropic: { signature: "c2lnbmVk" } };
const told = (id: string, deltas: string[]): Part[] => [
  { type: "text-start", id },
  ...deltas.map((delta): Part => ({ type: "text-delta", id, delta })),
  { type: "text-end", id },
];
const call = (toolCallId: string, toolName: string, text: string): Part[] => [
  { type: "tool-input-start", id: toolCallId, toolName },
  ...[text.slice(0, 3), text.slice(3)].map(
    (delta): Part => ({ type: "tool-input-delta", id: toolCallId, delta }),
  ),
  { type: "tool-input-end", id: toolCallId },
  { type: "tool-call", toolCallId, toolName, input: text },
];

const answers: Part[][] = [
  // Thinks with a signature, and calls two tools, one of which fails.
  [
    { type: "reasoning-start", id: "r" },
    { type: "reasoning-delta", id: "r", delta: "The order " },
    { type: "reasoning-delta", id: "r", delta: "is 17." },
    { type: "reasoning-end", id: "r", providerMetadata: signed },
    ...told("1", ["Ich suche ", "für dich 🦋", ". "]),
    ...call("one", "search", '{"q":"order 17"}'),
    ...call("two", "breaks", "{}"),
  ],
  // Calls a tool with an invalid input, and a tool that does not exist.
  [...call("three", "search", '{"q":17}'), ...call("four", "missing", "{}")],
  // Has a source.
  [
    ...told("1", ["Noch einmal. "]),
    { type: "source", sourceType: "url", id: "s", url: "https://example.com/17", title: "17" },
    ...call("five", "search", '{"z":1,"q":"parcel"}'),
  ],
  told("1", ["It was ", "lost on the way."]),
];

/** The parts that the model streams at a step. */
export const partsOf = (step: number): Part[] => [
  { type: "stream-start", warnings: [] },
  {
    type: "response-metadata",
    id: `answer-${step}`,
    modelId: "scripted-2026",
    timestamp: new Date("2026-01-01T00:00:00Z"),
  },
  ...(answers[step - 1] ?? []),
  {
    type: "finish",
    finishReason: { unified: step < steps ? "tool-calls" : "stop", raw: "end" },
    usage,
    providerMetadata: { anthropic: { stop: step } },
  },
];

/** What the tools returned at a step. The AI SDK itself answers the invalid calls of the second step. */
interface RecordedOutcome {
  callId: string;
  tool: string;
  output: { type: "json"; value: unknown } | { type: "error-text"; value: string };
}
const outcomes: Record<number, RecordedOutcome[]> = {
  1: [
    { callId: "one", tool: "search", output: { type: "json", value: { found: "ORDER 17" } } },
    { callId: "two", tool: "breaks", output: { type: "error-text", value: "It is stuck." } },
  ],
  3: [{ callId: "five", tool: "search", output: { type: "json", value: { found: "PARCEL" } } }],
};

export const conversation = {
  question: "Why did order 17 fail? 🦋",
  instructions: "Answer shortly.",
  answer: "It was lost on the way.",
  outcomesOf: (step: number) => outcomes[step] ?? [],
  toolMessage: (all: RecordedOutcome[]) => ({
    role: "tool",
    content: all.map(({ callId, tool, output }) => ({
      type: "tool-result",
      toolCallId: callId,
      toolName: tool,
      output,
    })),
  }),
};
