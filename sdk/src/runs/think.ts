/** One step of thinking: tries the models of the chain until one answers, and records its answer. */
import { MayflyError } from "../contract/errors.ts";
import { pause } from "./act.ts";
import type { ModelMessage } from "./ai.ts";
import { runRow } from "./answers.ts";
import { failureOf, type ModelFailure, RunEnd } from "./failures.ts";
import type { LoopState } from "./loop-state.ts";
import { CallFailed, callModel } from "./model-call.ts";

/** How often to try a chain of models before a run fails. */
const rounds = 3;
/** A worker waits this long itself. For longer waits, the job sleeps. */
const waitsHere = 5;

/** @throws `RunEnd` if no model answers or a limit is reached; what ends the attempt. */
export async function think(state: LoopState, step: number): Promise<ModelMessage[]> {
  const { agent, run, log, parts, writer } = state;
  const { steps = agent.options.maxSteps ?? 20, seconds } = run.limits;
  if (step > steps)
    throw new RunEnd("max_steps", `The run has taken ${steps} steps without an answer.`);
  if (seconds !== undefined && run.active_ms >= seconds * 1_000)
    throw new RunEnd("max_time", `The run has worked for ${seconds} s.`);
  const chain = [agent.options.model].flat();
  let tries = log.calls.filter((call) => call.step === step && call.error).length;
  for (let round = Math.floor(tries / chain.length); ; round++) {
    const failures: ModelFailure[] = [];
    for (const model of chain) {
      tries++;
      const outcome = await call(state, step, tries, model);
      if (Array.isArray(outcome)) return outcome;
      failures.push(outcome);
      if (outcome.kind === "fatal") break;
    }
    const last = failures.at(-1);
    const later = failures.filter(({ kind }) => kind === "retry");
    if (!last || last.kind === "fatal" || later.length === 0 || round + 1 >= rounds)
      throw new RunEnd("failed", last?.message ?? "", last?.code);
    const waits = later.map(
      ({ retryAfter }) => retryAfter ?? 2 ** round * (0.5 + Math.random() / 2),
    );
    const seconds = Math.min(...waits);
    if (seconds <= waitsHere) await pause(seconds, parts.job.signal);
    else {
      await writer.flush();
      await parts.job.waitNamed(`retry ${step}/${tries}`, [], seconds);
    }
  }
}

/** @returns the answer, or how the call failed. */
async function call(
  state: LoopState,
  step: number,
  tries: number,
  given: unknown,
): Promise<ModelMessage[] | ModelFailure> {
  const { ai, job, reservations } = state.parts;
  const { name, options } = state.agent;
  const { seconds } = state.run.limits;
  const time =
    seconds === undefined
      ? undefined
      : AbortSignal.timeout(Math.max(1, seconds * 1_000 - state.run.active_ms));
  const signal = time ? AbortSignal.any([job.signal, time]) : job.signal;
  const about = { step, try: tries, agent: name };
  let of = { provider: "unknown", modelId: "unknown" };
  try {
    const model = typeof given === "function" ? await given({ ...state.context, step }) : given;
    of = model;
    const { provider, modelId } = model;
    const messages = await callModel({
      ai,
      model,
      request: state.request(),
      signal,
      reservations,
      known: state.known,
      ask: { lease: job.lease, agent: name, output: options.maxOutputTokens ?? 8_192 },
      record: async ({ parts, ...answered }) => {
        const call = {
          ...about,
          ...answered,
          provider,
          model: modelId,
          parts: JSON.stringify(parts),
          repair: state.isRepair,
          ...(state.unwritten !== undefined && { messages: state.unwritten }),
        };
        state.run = await state.door.must("record_model_call", { call }, runRow);
        state.known = answered.usage.input + answered.usage.output;
      },
      onChunk: (chunk) => state.writer.add(step, tries, chunk),
    });
    state.unwritten = JSON.stringify(messages);
    return messages;
  } catch (thrown) {
    if (job.signal.aborted) throw job.signal.reason;
    if (time?.aborted)
      throw new RunEnd("max_time", "The run's time was over in the midst of a step.");
    if (!(thrown instanceof CallFailed) && thrown instanceof MayflyError) throw thrown;
    return failed(state, about, of, thrown);
  }
}

async function failed(
  state: LoopState,
  about: { step: number; try: number; agent: string },
  { provider, modelId }: { provider: string; modelId: string },
  thrown: unknown,
): Promise<ModelFailure> {
  const cause = thrown instanceof CallFailed ? thrown.cause : thrown;
  const failure = failureOf(cause);
  const { code, message, kind, retryAfter } = failure;
  if (code === "lease_lost" || code === "job_cancelled" || code === "unavailable") throw cause;
  const { level, of } = Object((cause as { details?: unknown }).details) as Record<string, string>;
  if (code === "budget_exceeded" && level === "run") {
    const what = of === "tokens" ? "tokens" : "money";
    throw new RunEnd(
      of === "tokens" ? "max_tokens" : "max_cost",
      `The run's budget has no ${what} left for another call.`,
    );
  }
  const { hold, digest = "0".repeat(64), ms = 0 } = thrown instanceof CallFailed ? thrown : {};
  if (hold)
    await state.parts.reservations.release(hold, kind === "retry" ? code : undefined, retryAfter);
  const call = { ...about, provider, model: modelId, digest, ms, error: { code, message } };
  state.run = await state.door.must("record_model_call", { call }, runRow);
  state.log.calls.push(call);
  return failure;
}
