/**
 * Builds a run's prompts. Everything in them is stored, so that they are the same for every worker
 * that resumes the run.
 */
import { markedAsData } from "../memory/mark-as-data.ts";
import type { ModelMessage } from "./ai.ts";

/** A tool call of a model. */
export interface AskedCall {
  callId: string;
  tool: string;
  input: unknown;
}
/** The outcome of a tool call, as the model sees it. */
export type ToolOutput =
  | { type: "json"; value: unknown }
  | { type: "text"; value: string }
  | { type: "error-text"; value: string }
  | { type: "execution-denied"; reason?: string };

/** A call with its outcome. */
export type Outcome = AskedCall & { output: ToolOutput };

/** An input as a user message. A text is used as it is, anything else as JSON. */
export function messagesOf(input: unknown): ModelMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  return [{ role: "user", content: JSON.stringify(input) }];
}

/** Recalled memories, as data with their origin. */
export const recalledMessage = (lines: string): ModelMessage => ({
  role: "user",
  content: markedAsData(lines),
});

/** Asks again for an answer that matches. */
export const repairMessage = (problem: string): ModelMessage => ({
  role: "user",
  content: `Your answer does not match the schema: ${problem.slice(0, 1_000)}\nAnswer again with JSON that matches, and nothing else.`,
});

/**
 * The tool calls of an answer that have no result yet. The AI SDK itself gives a result to invalid calls.
 */
export function pendingCalls(answer: ModelMessage[]): AskedCall[] {
  const done = new Set<string>();
  for (const message of answer)
    if (message.role === "tool")
      for (const part of message.content)
        if (part.type === "tool-result") done.add(part.toolCallId);
  return answer.flatMap((message) => {
    if (message.role !== "assistant" || typeof message.content === "string") return [];
    return message.content.flatMap((part) =>
      part.type === "tool-call" && !part.providerExecuted && !done.has(part.toolCallId)
        ? [{ callId: part.toolCallId, tool: part.toolName, input: part.input }]
        : [],
    );
  });
}

/** The text of an answer. */
export const textOf = (answer: ModelMessage[]): string =>
  answer
    .flatMap((message) => {
      if (message.role !== "assistant") return [];
      if (typeof message.content === "string") return [message.content];
      return message.content.flatMap((part) => (part.type === "text" ? [part.text] : []));
    })
    .join("");

/** The results of tools, for the model. */
export const toolMessage = (outcomes: (AskedCall & { output: ToolOutput })[]): ModelMessage => ({
  role: "tool",
  content: outcomes.map(({ callId, tool, output }) => ({
    type: "tool-result",
    toolCallId: callId,
    toolName: tool,
    output: output as never,
  })),
});

/**
 * The most tokens that a prompt can have: the tokens of the last call, plus the bytes of everything since. A
 * token has at least one byte in any language. An estimate by characters would be up to three times too low.
 */
export function mostTokens(prompt: unknown[], tools: unknown, known: number | undefined): number {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value) ?? "").length;
  if (known === undefined) return bytes(prompt) + bytes(tools ?? []);
  const last = prompt.findLastIndex((one) => (one as { role?: string }).role === "assistant");
  return known + bytes(prompt.slice(last + 1));
}
