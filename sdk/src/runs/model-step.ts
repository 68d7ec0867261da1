/** One step of thinking: tries the models of the chain until one answers, and records its answer. */
import { MayflyError } from "../contract/errors.ts";
import { observe } from "../link/observe.ts";
import type { ModelMessage } from "./ai.ts";
import { recordedRun, runRow } from "./answers.ts";
import { firstTools, pause } from "./call-tools.ts";
import { failureOf, RunEnd } from "./failures.ts";
import type { LoopState } from "./loop-state.ts";
import { CallFailed, callModel } from "./model-call.ts";
import { type Tried, tryModels } from "./model-fallback.ts";
import { pendingCalls } from "./prompt.ts";

/** A worker itself waits for up to this many seconds. For longer waits, the job sleeps. */
const waitsHere = 5;

/** @throws `RunEnd` if no model answers or a limit is reached; errors that end the attempt. */
export async function think(state: LoopState, step: number): Promise<ModelMessage[]> {
  const { agent, run, log, parts, writer } = state;
  const { steps = agent.options.maxSteps ?? 20, seconds } = run.limits;
  if (step > steps)
    throw new RunEnd("max_steps", `The run has taken ${steps} steps without an answer.`);
  if (seconds !== undefined && run.active_ms >= seconds * 1_000)
    throw new RunEnd("max_time", `The run has worked for ${seconds} s.`);
  const chain = [agent.options.model].flat();
  const tried = await tryModels(chain, (model, nth) => call(state, step, nth, model), {
    tries: log.calls.filter((call) => call.step === step && call.error).length,
    async wait(seconds, tries) {
      if (seconds <= waitsHere) return pause(seconds, parts.job.signal);
      await writer.flush();
      await parts.job.waitNamed(`retry ${step}/${tries}`, [], seconds);
    },
  });
  if (!tried.failure) return tried.answer;
  const { code, message } = tried.failure;
  // Skip failures that only say that a model is not called at the moment, because they do not say why.
  const own = log.calls.findLast(
    ({ step: at, error }) => at === step && error && error.code !== "model_unavailable",
  );
  const before = code === "model_unavailable" && own?.error;
  throw new RunEnd("failed", before ? `${message} Before that: ${before.message}` : message, code);
}

/** @returns the answer, or how the call failed. */
async function call(
  state: LoopState,
  step: number,
  tries: number,
  given: unknown,
): Promise<Tried<ModelMessage[]>> {
  const { ai, job, reservations } = state.parts;
  const { name, options } = state.agent;
  const { seconds, steps = options.maxSteps ?? 20 } = state.run.limits;
  const time =
    seconds === undefined
      ? undefined
      : AbortSignal.timeout(Math.max(1, seconds * 1_000 - state.run.active_ms));
  const signal = time ? AbortSignal.any([job.signal, time]) : job.signal;
  const about = { step, try: tries, agent: name };
  const { granted } = state;
  state.granted = undefined;
  let of = { provider: "unknown", modelId: "unknown" };
  try {
    const model = typeof given === "function" ? await given({ ...state.context, step }) : given;
    of = model;
    const { provider, modelId } = model;
    const span = () => ({ kind: "model", provider, model: modelId, runId: job.id, step }) as const;
    const output = options.maxOutputTokens ?? 8_192;
    const messages = await observe(job.door.telemetry, span, (tell) => {
      tell({ maxTokens: output });
      return callModel({
        ai,
        model,
        request: state.request(),
        signal,
        reservations,
        known: state.known,
        granted,
        ask: { lease: job.lease, agent: name, output },
        record: async ({ parts, messages, ...answered }) => {
          tell({ finish: answered.finish, usage: answered.usage });
          const call = {
            ...about,
            ...answered,
            provider,
            model: modelId,
            parts: JSON.stringify(parts),
            messages: JSON.stringify(messages),
            repair: state.isRepair,
          };
          const tools = step < steps ? firstTools(state.tools, pendingCalls(messages)) : [];
          const run = await state.writer.along((chunks) =>
            state.door.must(
              "record_model_call",
              { call, ...(tools.length > 0 && { tools }), ...(chunks && { chunks }) },
              recordedRun,
            ),
          );
          state.run = run;
          state.begun = run.tools ?? [];
          state.known = answered.usage.input + answered.usage.output;
        },
        onChunk: (chunk) => state.writer.add(step, tries, chunk),
      }).catch((thrown: unknown) => {
        tell({ error: failureOf(thrown instanceof CallFailed ? thrown.cause : thrown) });
        throw thrown;
      });
    });
    return { answer: messages };
  } catch (thrown) {
    if (job.signal.aborted) throw job.signal.reason;
    if (time?.aborted)
      throw new RunEnd("max_time", "The run reached its time limit in the middle of a step.");
    if (!(thrown instanceof CallFailed) && thrown instanceof MayflyError) throw thrown;
    return failed(state, about, of, thrown);
  }
}

async function failed(
  state: LoopState,
  about: { step: number; try: number; agent: string },
  { provider, modelId }: { provider: string; modelId: string },
  thrown: unknown,
): Promise<Tried<never>> {
  const cause = thrown instanceof CallFailed ? thrown.cause : thrown;
  const failure = failureOf(cause);
  const { code, message, kind, retryAfter } = failure;
  if (code === "lease_lost" || code === "job_cancelled" || code === "unavailable") throw cause;
  const { level, of, subject } = Object((cause as { details?: unknown }).details) as Record<
    string,
    string
  >;
  if (code === "budget_exceeded" && level === "run") {
    const what = of === "tokens" ? "tokens" : "money";
    throw new RunEnd(
      of === "tokens" ? "max_tokens" : "max_cost",
      subject === state.parts.job.id
        ? `The run's budget has no ${what} left for another call.`
        : `The budget of a run above it has no ${what} left for another call.`,
    );
  }
  const {
    hold,
    usage,
    digest = "0".repeat(64),
    ms = 0,
  } = thrown instanceof CallFailed ? thrown : {};
  // An answer costs money even if it cannot be used.
  if (hold && usage) await state.parts.reservations.settle(hold, usage);
  else if (hold)
    await state.parts.reservations.release(hold, kind === "retry" ? code : undefined, retryAfter);
  const call = { ...about, provider, model: modelId, digest, ms, error: { code, message } };
  state.run = await state.door.must("record_model_call", { call }, runRow);
  state.log.calls.push(call);
  return { failure };
}
