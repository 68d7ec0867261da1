/** Builds the answer of a model at a step from what was recorded. */
import type { ModelMessage, Part } from "./ai.ts";
import type { RunAnswer } from "./call-types.ts";

/** Builds the answer from the AI SDK's messages. */
export function answerOfMessages(messages: ModelMessage[]): RunAnswer {
  const answer: RunAnswer = { text: "", reasoning: "", calls: [] };
  for (const { role, content } of messages) {
    if (role !== "assistant") continue;
    for (const part of typeof content === "string" ? [{ type: "text", text: content }] : content)
      if (part.type === "text") answer.text += (part as { text: string }).text;
      else if (part.type === "reasoning") answer.reasoning += (part as { text: string }).text;
      else if (part.type === "tool-call") {
        const { toolCallId, toolName, input } = part as CallPart;
        answer.calls.push({ callId: toolCallId, tool: toolName, input });
      }
  }
  return answer;
}

/** Builds the answer from the parts of the model's stream, and joins neighbouring deltas. */
export function answerOfParts(parts: Part[]): RunAnswer {
  const answer: RunAnswer = { text: "", reasoning: "", calls: [] };
  for (const part of parts)
    if (part.type === "text-delta") answer.text += part.delta;
    else if (part.type === "reasoning-delta") answer.reasoning += part.delta;
    else if (part.type === "tool-call") {
      const { toolCallId, toolName, input } = part;
      answer.calls.push({ callId: toolCallId, tool: toolName, input: inputOf(input) });
    }
  return answer;
}

interface CallPart {
  toolCallId: string;
  toolName: string;
  input: unknown;
}

/** A model may have written an input that is not JSON. It is then returned as text. */
function inputOf(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}
