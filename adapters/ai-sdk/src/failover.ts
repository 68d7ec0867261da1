import { failureOf, MayflyError, type ModelFailure, tryModels } from "@mayfly/sdk";
import { wrapLanguageModel } from "ai";

/** A model of the AI SDK, of any version of its specification. */
type Model = Parameters<typeof wrapLanguageModel>[0]["model"];
type CurrentModel = ReturnType<typeof wrapLanguageModel>;
type Streamed = Awaited<ReturnType<CurrentModel["doStream"]>>;
type Part = Streamed["stream"] extends ReadableStream<infer T> ? T : never;

/** A call that failed. */
export interface FailoverFailure extends ModelFailure {
  provider: string;
  modelId: string;
  error: unknown;
}

/** How long a chain of models waits, and what to call after a failure. */
export interface FailoverOptions {
  /**
   * The longest wait, in seconds, before the chain is tried again. 10 by default. If a provider asks for more
   * with `Retry-After`, the call fails with `model_unavailable`, and `details.retry_after` says when to try again.
   */
  maxWait?: number;
  /** Called with each failed call. */
  onFailure?: (failure: FailoverFailure) => void;
}

/** Parts that come before the answer. Until the answer itself starts, another model can still take over. */
const preludes: Part["type"][] = ["stream-start", "response-metadata", "raw", "ping"];

/**
 * A language model that calls the next model of a chain when one fails, by the rules of Mayfly's runs. If a
 * provider is down or limits the rate, its model is called up to three times in all, and after a
 * `Retry-After` only when that time is over. If a provider refuses the key or does not know the model, the
 * next model is called. An invalid request fails at once. A stream that has started is not restarted with
 * another model.
 *
 * The AI SDK does not retry the errors that this model throws.
 *
 * @throws when you call the model: the provider's error for an invalid request; `model_unavailable` if no
 * model answers, with the last error as its `cause`.
 *
 * @example
 * const model = failover([anthropic("claude-sonnet-4-5"), openai("gpt-5")]);
 * const { text } = await generateText({ model, prompt });
 */
export function failover(models: Model[], options: FailoverOptions = {}): CurrentModel {
  const [first] = models;
  if (!first)
    throw new MayflyError({
      code: "invalid_request",
      message: "models must have at least one model.",
      hint: "failover([first, second])",
      details: { field: "models" },
    });
  // `wrapLanguageModel` converts each model to the current specification.
  const chain = models.map((model) => wrapLanguageModel({ model, middleware: [] }));
  return wrapLanguageModel({
    model: first,
    middleware: {
      specificationVersion: "v4",
      overrideProvider: () => "mayfly.failover",
      overrideModelId: () => chain.map(({ modelId }) => modelId).join(" > "),
      overrideSupportedUrls: () => sharedUrls(chain),
      wrapGenerate: ({ params }) =>
        inTurn(chain, (model) => model.doGenerate(params), params.abortSignal, options),
      wrapStream: ({ params }) =>
        inTurn(
          chain,
          async (model) => begun(await model.doStream(params)),
          params.abortSignal,
          options,
        ),
    },
  });
}

async function inTurn<Answer>(
  chain: CurrentModel[],
  call: (model: CurrentModel) => PromiseLike<Answer>,
  signal: AbortSignal | undefined,
  { maxWait = 10, onFailure }: FailoverOptions,
): Promise<Answer> {
  const failures: FailoverFailure[] = [];
  const tried = await tryModels(
    chain,
    async (model) => {
      try {
        return { answer: await call(model) };
      } catch (error) {
        signal?.throwIfAborted();
        const failure = failureOf(error);
        const { provider, modelId } = model;
        const told = { ...failure, provider, modelId, error };
        failures.push(told);
        onFailure?.(told);
        return { failure };
      }
    },
    { wait: async (seconds) => seconds <= maxWait && pause(seconds, signal) },
  );
  if (!tried.failure) return tried.answer;
  const last = failures.at(-1);
  if (tried.failure.kind === "fatal") throw last?.error;
  const waits = failures
    .slice(-chain.length)
    .flatMap(({ kind, retryAfter }) => (kind === "retry" && retryAfter ? [retryAfter] : []));
  throw new MayflyError(
    {
      code: "model_unavailable",
      message: `No model answered. The last one, ${last?.modelId}: ${tried.failure.message}`,
      hint: "Try again later, or look at the calls in details.",
      details: {
        ...(waits.length > 0 && { retry_after: Math.min(...waits) }),
        calls: failures.map(({ provider, modelId, code, message }) => ({
          ...{ provider, model: modelId, code, message },
        })),
      },
    },
    { cause: last?.error },
  );
}

/** Reads a stream until the answer starts. If the stream has an error before that, throws this error. */
async function begun({ stream, ...rest }: Streamed): Promise<Streamed> {
  const reader = stream.getReader();
  const prelude: Part[] = [];
  for (let isBegun = false; !isBegun; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error("The model's stream ended before its answer did.");
    if (value.type === "error") {
      await reader.cancel().catch(() => {});
      throw value.error;
    }
    prelude.push(value);
    isBegun = !preludes.includes(value.type);
  }
  const whole = new ReadableStream<Part>({
    start(controller) {
      for (const part of prelude) controller.enqueue(part);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { stream: whole, ...rest };
}

/** Patterns for URLs of files that every model can fetch itself. The AI SDK downloads all other files. */
async function sharedUrls(chain: CurrentModel[]): Promise<Record<string, RegExp[]>> {
  const [first = {}, ...others] = await Promise.all(
    chain.map(({ supportedUrls }) => supportedUrls),
  );
  return Object.fromEntries(
    Object.entries(first).map(([type, patterns]) => [
      type,
      patterns.filter(({ source }) =>
        others.every((urls) => urls[type]?.some((other) => other.source === source)),
      ),
    ]),
  );
}

/** @throws the signal's reason. */
const pause = (seconds: number, signal: AbortSignal | undefined) =>
  new Promise<true>((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve(true);
    }, seconds * 1_000);
    signal?.addEventListener("abort", end, { once: true });
  });
