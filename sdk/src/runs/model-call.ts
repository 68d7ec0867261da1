/** One step of a run: a model call that is recorded before anything acts on it. */
import { failed, MayflyError, type Result } from "../contract/errors.ts";
import type { CostAsk, Reservations } from "../costs/reservations.ts";
import type { Ai, CallOptions, ModelMessage, Part } from "./ai.ts";
import { mostTokens } from "./prompt.ts";
import { digestOf } from "./request-digest.ts";
import { addPart, quiet, recordedModel, usageOf } from "./stream-parts.ts";
import type { RunModel } from "./types.ts";

/** What to ask the model. */
export interface ModelRequest {
  instructions?: string | undefined;
  messages: ModelMessage[];
  /** Tools of the AI SDK, without `execute`. */
  tools: Record<string, unknown>;
  output?: unknown;
  settings?: Record<string, unknown> | undefined;
}

/** The recorded parts of an answer. */
export interface Answered {
  digest: string;
  parts: Part[];
  finish: string;
  usage: ReturnType<typeof usageOf>;
  ms: number;
  hold: string;
  messages: ModelMessage[];
}

/** A reservation that was made with an earlier write. */
export interface Granted {
  id: string;
  provider: string;
  model: string;
  /** How many tokens the prompt and the answer may have. */
  input: number;
  output: number;
}

export interface CallParts {
  ai: Ai;
  model: RunModel;
  request: ModelRequest;
  signal: AbortSignal;
  /** Resolves when the answer is recorded. If it throws, the step ends. */
  record(answered: Answered): Promise<void>;
  onChunk(chunk: unknown): Promise<void>;
  reservations: Reservations;
  ask: Omit<CostAsk, "id" | "provider" | "model" | "input">;
  /** Input and output tokens of the last call. */
  known: number | undefined;
  granted: Granted | undefined;
}

/** A failed call, with what is recorded about it. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly digest: string | undefined;
  /** The reservation to release. */
  readonly hold: string | undefined;
  readonly ms: number;
  /** Set if the provider has answered, but the answer cannot be used. */
  readonly usage: Answered["usage"] | undefined;

  constructor(
    cause: unknown,
    known: Partial<Pick<Answered, "hold" | "digest" | "usage">>,
    ms: number,
  ) {
    super("The call of a model failed.", { cause });
    this.hold = known.hold;
    this.digest = known.digest;
    this.usage = known.usage;
    this.ms = ms;
  }
}

/**
 * Calls a model, and records its answer. The tools have no `execute`, so the AI SDK cannot run them before the
 * answer is recorded.
 *
 * @returns the messages that the AI SDK made from the answer.
 * @throws `CallFailed`, and errors of `record` and `onChunk`.
 */
export async function callModel(parts: CallParts): Promise<ModelMessage[]> {
  const { ai, model, signal } = parts;
  const begun = performance.now();
  const msSince = () => Math.round(performance.now() - begun);
  const kept: Part[] = [];
  const known: { hold?: string; digest?: string; usage?: Answered["usage"]; finish?: string } = {};
  let ms = 0;
  let failure: { error: unknown } | undefined;
  const wrapped = ai.wrapLanguageModel({
    model: model as never,
    middleware: {
      specificationVersion: "v4",
      async transformParams({ params }) {
        known.digest = await digestOf(params);
        const input = mostTokens(params.prompt, params.tools, parts.known);
        const { id, output } = await reserve(parts, input);
        known.hold = id;
        return { ...params, maxOutputTokens: output };
      },
      async wrapStream({ doStream }) {
        const { stream, ...rest } = await doStream();
        const watching = new TransformStream<Part, Part>({
          transform(part, controller) {
            // Some providers report an error in the middle of a stream and then continue. No part of such a
            // stream may be used.
            if (part.type === "error") throw part.error;
            addPart(kept, part);
            if (part.type === "finish") {
              known.finish = part.finishReason.unified;
              known.usage = usageOf(part.usage);
              ms = msSince();
            }
            controller.enqueue(quiet(part));
          },
        });
        return { stream: stream.pipeThrough(watching), ...rest };
      },
    },
  });
  const messages = await stream(parts, wrapped as never, (error) => {
    failure ??= { error };
  }).catch((error: unknown) => {
    failure ??= { error };
    return null;
  });
  const { hold = "", digest = "", finish, usage } = known;
  if (messages && finish !== undefined && usage) {
    await parts.record({ digest, parts: kept, finish, usage, ms, hold, messages });
    return messages;
  }
  signal.throwIfAborted();
  const cause = failure?.error ?? new Error("The model's stream ended before its answer did.");
  throw new CallFailed(cause, known, msSince());
}

/** Reserves the most that a call may cost, unless an earlier write has already reserved it. */
async function reserve(
  { model, reservations, granted, ask }: CallParts,
  input: number,
): Promise<{ id: string; output: number }> {
  const { provider, modelId } = model;
  const isOf = granted?.provider === provider && granted.model === modelId;
  if (granted && isOf && input <= granted.input) return granted;
  if (granted) void reservations.release(granted.id);
  const id = crypto.randomUUID();
  const answer = await reservations.reserve({ ...ask, id, provider, model: modelId, input });
  if (answer.error) throw answer.error;
  return { id, output: answer.data.output };
}

/**
 * Returns the messages that the AI SDK makes from a recorded answer, to resume or replay a run. Calls no
 * model.
 */
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
  // If nobody takes the chunks anymore, such as after a cancellation, the provider must not go on.
  const stopped = new AbortController();
  const asked = {
    ...settings,
    model,
    messages,
    tools: tools as never,
    ...(instructions !== undefined && { instructions }),
    ...(output !== undefined && { output: output as never }),
    stopWhen: ai.isStepCount(1),
    maxRetries: 0,
    abortSignal: AbortSignal.any([signal, stopped.signal]),
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
  try {
    for await (const chunk of chunks as unknown as AsyncIterable<{ type: string }>)
      if (chunk.type !== "error" && chunk.type !== "abort") await onChunk(chunk);
  } catch (error) {
    stopped.abort(error);
    throw error;
  }
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
      hint: "Replay a run that has ended, with the same definition.",
      details: { step },
    }),
  );
