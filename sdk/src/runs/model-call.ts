/** One step of a run: a model call that is recorded before anything acts on it. */
import { failed, MayflyError, type Result } from "../contract/errors.ts";
import type { CostAsk, Reservations } from "../costs/reservations.ts";
import type { Ai, CallOptions, ModelMessage, Part } from "./ai.ts";
import { digestOf } from "./digest.ts";
import { addPart, quiet, recordedModel, usageOf } from "./parts.ts";
import { mostTokens } from "./prompt.ts";
import type { RunModel } from "./types.ts";

/** What is asked. */
export interface ModelRequest {
  instructions?: string | undefined;
  messages: ModelMessage[];
  /** Of the AI SDK, without `execute`. */
  tools: Record<string, unknown>;
  output?: unknown;
  settings?: Record<string, unknown> | undefined;
}

/** What is recorded of an answer. */
export interface Answered {
  digest: string;
  parts: Part[];
  finish: string;
  usage: ReturnType<typeof usageOf>;
  ms: number;
  hold: string;
}

export interface CallParts {
  ai: Ai;
  model: RunModel;
  request: ModelRequest;
  signal: AbortSignal;
  /** Settles when the answer is recorded. If it throws, the step ends. */
  record(answered: Answered): Promise<void>;
  onChunk(chunk: unknown): Promise<void>;
  reservations: Reservations;
  ask: Omit<CostAsk, "id" | "provider" | "model" | "input">;
  /** Input and output tokens of the last call. */
  known: number | undefined;
}

/** A failed call, with what is recorded about it. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly digest: string | undefined;
  /** The reservation to release. */
  readonly hold: string | undefined;
  readonly ms: number;

  constructor(cause: unknown, hold: string | undefined, digest: string | undefined, ms: number) {
    super("The call of a model failed.", { cause });
    this.hold = hold;
    this.digest = digest;
    this.ms = ms;
  }
}

/**
 *
 * @returns what the AI SDK made of the answer.
 * @throws `CallFailed`, or what `record` and `onChunk` throw.
 */
export async function callModel(parts: CallParts): Promise<ModelMessage[]> {
  const { ai, model, signal, reservations } = parts;
  const begun = performance.now();
  const hold = crypto.randomUUID();
  let isHeld = false;
  let isRecorded = false;
  let digest: string | undefined;
  let failure: { error: unknown } | undefined;
  let ours: { error: unknown } | undefined;
  const wrapped = ai.wrapLanguageModel({
    model: model as never,
    middleware: {
      specificationVersion: "v4",
      async transformParams({ params }) {
        digest = await digestOf(params);
        const input = mostTokens(params.prompt, params.tools, parts.known);
        const { provider, modelId } = model;
        const ask = { ...parts.ask, id: hold, provider, model: modelId, input };
        const granted = await reservations.reserve(ask);
        if (granted.error) throw granted.error;
        isHeld = true;
        return { ...params, maxOutputTokens: granted.data.output };
      },
      async wrapStream({ doStream }) {
        const { stream, ...rest } = await doStream();
        const kept: Part[] = [];
        const recording = new TransformStream<Part, Part>({
          async transform(part, controller) {
            // Some providers report an error in the middle of a stream and continue. Nothing of it may be
            // used.
            if (part.type === "error") throw part.error;
            addPart(kept, part);
            if (part.type === "finish") {
              const { unified } = part.finishReason;
              const usage = usageOf(part.usage);
              const ms = Math.round(performance.now() - begun);
              // Held back until it is a row, so that a worker that dies earlier has acted on nothing.
              await parts
                .record({ digest: digest ?? "", parts: kept, finish: unified, usage, ms, hold })
                .catch((error: unknown) => {
                  ours = { error };
                  throw error;
                });
              isRecorded = true;
            }
            controller.enqueue(quiet(part));
          },
        });
        return { stream: stream.pipeThrough(recording), ...rest };
      },
    },
  });
  const messages = await stream(parts, wrapped as never, (error) => {
    failure ??= { error };
  }).catch((error: unknown) => {
    failure ??= { error };
    return null;
  });
  if (ours) throw ours.error;
  if (messages && isRecorded) return messages;
  signal.throwIfAborted();
  const cause = failure?.error ?? new Error("The model's stream ended before its answer did.");
  const ms = Math.round(performance.now() - begun);
  throw new CallFailed(cause, isHeld ? hold : undefined, digest, ms);
}

/** What the AI SDK makes of a recorded answer, for resuming and replaying. Makes no call. */
export function replayCall(
  ai: Ai,
  { provider, model, parts }: { provider: string; model: string; parts: Part[] },
  request: ModelRequest,
  onChunk: CallParts["onChunk"] = async () => {},
  onOptions: (options: CallOptions) => Promise<void> = async () => {},
): Promise<ModelMessage[]> {
  const wrapped = ai.wrapLanguageModel({
    model: recordedModel(provider, model, parts) as never,
    middleware: {
      specificationVersion: "v4",
      async transformParams({ params }) {
        await onOptions(params);
        return params;
      },
    },
  });
  const signal = new AbortController().signal;
  return stream({ ai, request, signal, onChunk }, wrapped as never, (error) => {
    throw error;
  });
}

async function stream(
  { ai, request, signal, onChunk }: Pick<CallParts, "ai" | "request" | "signal" | "onChunk">,
  model: never,
  onError: (error: unknown) => void,
): Promise<ModelMessage[]> {
  const { instructions, messages, tools, output, settings } = request;
  let failure: { error: unknown } | undefined;
  const asked = {
    ...settings,
    model,
    messages,
    tools: tools as never,
    ...(instructions !== undefined && { instructions }),
    ...(output !== undefined && { output: output as never }),
    stopWhen: ai.isStepCount(1),
    maxRetries: 0,
    abortSignal: signal,
    onError: ({ error }: { error: unknown }) => {
      failure ??= { error };
    },
  };
  // Tools and schemas that are known at run time have no types that the AI SDK could infer.
  const result = ai.streamText(asked as never);
  const chunks = ai.toUIMessageStream({
    stream: result.stream as never,
    tools: tools as never,
    sendStart: false,
    sendFinish: false,
    onError: (error) => (error instanceof Error ? error.message : String(error)),
  });
  for await (const chunk of chunks as unknown as AsyncIterable<{ type: string }>)
    if (chunk.type !== "error" && chunk.type !== "abort") await onChunk(chunk);
  if (failure) {
    onError(failure.error);
    throw failure.error;
  }
  return (await result.responseMessages) as ModelMessage[];
}

/** @internal */
export const missingAnswer = (step: number): Result<never> =>
  failed(
    new MayflyError({
      code: "replay_differs",
      message: `Step ${step} has no recorded answer.`,
      hint: "Replay a run that has ended, with the definition that it ran with.",
      details: { step },
    }),
  );
