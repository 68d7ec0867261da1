import type { NewMemory } from "@mayfly/sdk";
import type { LanguageModelMiddleware } from "ai";
import { type MemoryOwner, type RecallBounds, recallFor, rememberFor } from "./owner.ts";

/** A question and its answer. */
export interface Turn {
  question: string;
  answer: string;
}

/** What is recalled before a call, and what is remembered after it. */
export interface MemoryMiddlewareOptions {
  /** Limits and filters of the recall, or `false` to recall nothing. */
  recall?: RecallBounds | false;
  /**
   * Remembers each turn that ends with an answer: the question and the answer, or what your function returns.
   * A function that returns null remembers nothing. `false` by default.
   */
  remember?: boolean | ((turn: Turn) => NewMemory | null | Promise<NewMemory | null>);
  /**
   * Called with an error of a recall or a remember. The call to the model then continues. Without `onError`,
   * such an error makes the call fail.
   */
  onError?: (error: unknown) => void;
}

type Transform = NonNullable<LanguageModelMiddleware["transformParams"]>;
type Params = Parameters<Transform>[0]["params"];
type Message = Params["prompt"][number];

/** For how many turns to keep the recalled memories. Later steps of a turn use them again. */
const mostTurns = 1_000;
const most = { question: 2_000, answer: 100_000 };

/**
 * Gives a model a memory. Before a call, it recalls what is known about the last user message. It puts these
 * memories in front of that message, within a token budget, marked as data with their origin. With `remember`,
 * it remembers the turn once it is answered. All steps of a turn use the same recall, so that the beginning of
 * the prompt stays the same.
 *
 * @example
 * const model = wrapLanguageModel({ model: anthropic("claude-sonnet-4-5"), middleware: memoryMiddleware(agent) });
 */
export function memoryMiddleware(
  owner: MemoryOwner,
  { recall = {}, remember = false, onError }: MemoryMiddlewareOptions = {},
): LanguageModelMiddleware {
  const recalled = new Map<string, string>();
  const guarded = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    if (!onError) return work;
    return work.catch((error: unknown) => {
      onError(error);
      return otherwise;
    });
  };
  const textFor = async (question: string, isLaterStep: boolean, bounds: RecallBounds) => {
    const known = isLaterStep ? recalled.get(question) : undefined;
    if (known !== undefined) return known;
    const { text } = await guarded(recallFor(owner, question, bounds), { memories: [], text: "" });
    recalled.delete(question);
    recalled.set(question, text);
    for (const oldest of recalled.keys()) {
      if (recalled.size <= mostTurns) break;
      recalled.delete(oldest);
    }
    return text;
  };
  const rememberTurn = async (params: Params, answer: string) => {
    const question = questionOf(params.prompt).text;
    if (!remember || question.trim() === "" || answer.trim() === "") return;
    const kept: NewMemory | null =
      remember === true
        ? { task: question.slice(0, most.question), output: answer.slice(0, most.answer) }
        : await remember({ question, answer });
    if (kept) await rememberFor(owner, kept);
  };
  return {
    specificationVersion: "v4",
    async transformParams({ params }) {
      const { prompt } = params;
      const { at, text: question } = questionOf(prompt);
      if (recall === false || at < 0) return params;
      const text = await textFor(question, at < prompt.length - 1, recall);
      if (text === "") return params;
      const data: Message = { role: "user", content: [{ type: "text", text }] };
      return { ...params, prompt: [...prompt.slice(0, at), data, ...prompt.slice(at)] };
    },
    async wrapGenerate({ doGenerate, params }) {
      const result = await doGenerate();
      const { content, finishReason } = result;
      if (remember && finishReason.unified === "stop") {
        const answer = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
        await guarded(rememberTurn(params, answer.join("")), undefined);
      }
      return result;
    },
    async wrapStream({ doStream, params }) {
      const { stream, ...rest } = await doStream();
      if (!remember) return { stream, ...rest };
      let answer = "";
      type Part = typeof stream extends ReadableStream<infer T> ? T : never;
      const listening = new TransformStream<Part, Part>({
        async transform(part, controller) {
          if (part.type === "text-delta") answer += part.delta;
          // Remember before the last part is passed on, because the platform may freeze an edge function after
          // that.
          if (part.type === "finish" && part.finishReason.unified === "stop")
            await guarded(rememberTurn(params, answer), undefined);
          controller.enqueue(part);
        },
      });
      return { stream: stream.pipeThrough(listening), ...rest };
    },
  };
}

/** The last user message: where it is, and its text. */
function questionOf(prompt: Params["prompt"]): { at: number; text: string } {
  const at = prompt.findLastIndex(({ role }) => role === "user");
  const message = prompt[at];
  if (message?.role !== "user") return { at: -1, text: "" };
  const texts = message.content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return { at, text: texts.join("\n") };
}
