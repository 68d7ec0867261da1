/** The answer of a run: a text, or a value that matches the schema. */
import type { Ai, ModelMessage } from "./ai.ts";
import { textOf } from "./prompt.ts";
import type { AgentOptions } from "./types.ts";

export type Answer =
  | { fits: true; output: unknown; problem?: undefined }
  | { fits: false; output?: undefined; problem: string };

export async function answerOf(
  ai: Ai,
  { output: schema }: AgentOptions<unknown>,
  messages: ModelMessage[],
): Promise<Answer> {
  const text = textOf(messages);
  if (!schema) return { fits: true, output: text };
  try {
    const spec = ai.Output.object({ schema: schema as never });
    const about = { response: {}, usage: {}, finishReason: "stop" };
    return { fits: true, output: await spec.parseCompleteOutput({ text }, about as never) };
  } catch (error) {
    const { cause, message } = error as Error;
    return { fits: false, problem: cause instanceof Error ? cause.message : message };
  }
}
