import type { Run } from "@mayfly/sdk";
import {
  createUIMessageStream,
  createUIMessageStreamResponse,
  type UIMessage,
  type UIMessageChunk,
} from "ai";
import { joinDeltas } from "./join-deltas.ts";

/** The metadata of a message that is a run's answer. */
export interface RunMetadata {
  /** The run's id. */
  run: string;
  /** The cursor: pass it as `after` to continue the message. Each step of the run sets a new cursor. */
  seq: number;
}

/** A run's answer as a message of the AI SDK. Its id is the run's id. */
export type RunMessage = UIMessage<RunMetadata>;

type StreamOptions = Parameters<typeof createUIMessageStream<RunMessage>>[0];

/** Where a stream starts, and what ends it. */
export interface RunStreamOptions extends Pick<StreamOptions, "onError" | "onEnd" | "onStepEnd"> {
  /**
   * Continues a message after this number: the message's `metadata.seq`, or the `seq` of the last chunk that
   * you have. By default, the stream contains the whole message from its start, which is what `useChat` needs
   * to resume.
   */
  after?: number;
  /** Ends the stream, not the run. */
  signal?: AbortSignal;
}

/** The options of the stream and of the response, with `keepAliveMs` 15,000 by default. */
export type RunStreamResponseOptions = RunStreamOptions &
  Omit<Parameters<typeof createUIMessageStreamResponse>[0], "stream">;

const keepAliveMs = 15_000;

/**
 * Converts a run into a UI message stream of the AI SDK, which ends with the run. You can open it as often as
 * you like, from any process, and get the same message: first the recorded part, with its deltas joined, and
 * then new chunks. A step that is retried replaces what it streamed before. The stream of a cancelled run
 * ends with `abort`. After any other failure it ends with `error`, with the text that `onError` returns (`An
 * error occurred.` by default).
 *
 * @example
 * const { data: run } = await mayfly.runs.start(analyst, "Why did order 17 fail?");
 * for await (const message of readUIMessageStream({ stream: toUIMessageStream(run) })) show(message);
 */
export function toUIMessageStream(
  run: Run<unknown>,
  { after, signal, ...options }: RunStreamOptions = {},
): ReadableStream<UIMessageChunk> {
  return createUIMessageStream<RunMessage>({
    ...options,
    generateId: () => run.id,
    execute: ({ writer }) => writer.merge(streamOf(run, after, signal) as never),
  });
}

/**
 * Returns the same stream as a response. Use this in the handler that starts a run, and in the handler that
 * resumes the stream.
 *
 * @example
 * app.get("/api/chat/:id/stream", (context) => toUIMessageStreamResponse(mayfly.runs.open(runId)));
 */
export function toUIMessageStreamResponse(
  run: Run<unknown>,
  { after, signal, onError, onEnd, onStepEnd, ...response }: RunStreamResponseOptions = {},
): Response {
  const options = { after, signal, onError, onEnd, onStepEnd };
  const stream = toUIMessageStream(run, options as RunStreamOptions);
  return createUIMessageStreamResponse({ keepAliveMs, ...response, stream });
}

/** Makes a stream that pulls only as fast as it is read, and leaves the run's topic when it is cancelled. */
function streamOf(
  run: Run<unknown>,
  after = 0,
  signal?: AbortSignal,
): ReadableStream<UIMessageChunk> {
  const ending = new AbortController();
  const either = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
  const chunks = joinDeltas(chunksOf(run, after, either));
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      ending.abort();
      await chunks.return(undefined).catch(() => {});
    },
  });
}

async function* chunksOf(
  run: Run<unknown>,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<UIMessageChunk> {
  const metadata = (seq: number): RunMetadata => ({ run: run.id, seq });
  let open = 0;
  if (after === 0) yield { type: "start", messageId: run.id, messageMetadata: metadata(0) };
  for await (const { seq, step, chunk } of run.stream({ after: Math.max(0, after - 1), signal })) {
    const isBegin = chunk.type === "start-step";
    if (seq <= after) {
      // A cursor from the metadata is the start of a step. The reader may already have some of that step.
      if (isBegin) yield { type: "reset-step" };
      open = step;
    } else if (isBegin) {
      // A step begins again if it was retried, or if its worker died.
      yield { type: step === open ? "reset-step" : "start-step" };
      yield { type: "message-metadata", messageMetadata: metadata(seq) };
      open = step;
    } else if (chunk.type !== "finish") yield chunk as UIMessageChunk;
  }
  const { error } = await run.result();
  const { status } = Object(error?.details) as { status?: string };
  if (error && status !== "cancelled") throw error;
  if (error) yield { type: "abort", reason: error.message };
  yield { type: "finish", ...(!error && { finishReason: "stop" }) };
}
