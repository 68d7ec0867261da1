import { act, outputOf } from "./act.ts";
import type { Acting } from "./acting.ts";
import type { ModelMessage, Part } from "./ai.ts";
import { begunRun, recordedContext, runRow, type ToolRow } from "./answers.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { RunEnd } from "./failures.ts";
import { type LoopParts, LoopState } from "./loop-state.ts";
import { handedOver } from "./loop-tools.ts";
import { replayCall } from "./model-call.ts";
import { type Answer, answerOf } from "./output.ts";
import {
  type AskedCall,
  messagesOf,
  pendingCalls,
  recalledMessage,
  repairMessage,
  toolMessage,
} from "./prompt.ts";
import { recallFor, rememberOutcome } from "./remember.ts";
import { think } from "./think.ts";
import type { Agentlike } from "./types.ts";

/**
 * Goes through a run until it has ended. Recorded steps are read, and the others are done and recorded.
 *
 * @throws only what ends the attempt: a lost lease, a job that sleeps, a database that does not answer.
 */
export async function runLoop(parts: LoopParts, agent: Agentlike<unknown>): Promise<void> {
  const state = new LoopState(parts, agent);
  const begun = await state.door.must("begin_run", {}, begunRun);
  state.log = begun;
  state.run = begun.run;
  state.writer = new ChunkWriter(state.door, begun.run.last_chunk);
  try {
    await state.become(agent);
    await recall(state);
    await end(state, "succeeded", await answer(state));
  } catch (thrown) {
    if (!(thrown instanceof RunEnd)) throw thrown;
    const { code, message } = thrown;
    await end(state, thrown.status, undefined, { code, message });
  }
}

async function answer(state: LoopState): Promise<Answer> {
  let repairs = 0;
  for (let step = 1; ; step++) {
    for (const input of state.log.inputs)
      if (input.step === step) state.messages.push(...messagesOf(JSON.parse(input.input)));
    const messages = (await recorded(state, step)) ?? (await thinkAnew(state, step));
    state.messages.push(...messages);
    state.isRepair = false;
    const calls = pendingCalls(messages);
    if (calls.length > 0) await useTools(state, step, calls);
    // The AI SDK has answered invalid calls itself, and the model is told.
    else if (messages.at(-1)?.role !== "tool") {
      const given = await answerOf(state.parts.ai, state.agent.options, messages);
      if (given.fits) return given;
      if (repairs >= (state.agent.options.repairs ?? 2))
        throw new RunEnd("failed", `The answer does not fit: ${given.problem}`, "output_invalid");
      repairs++;
      state.isRepair = true;
      state.messages.push(repairMessage(given.problem));
    }
  }
}

async function thinkAnew(state: LoopState, step: number): Promise<ModelMessage[]> {
  await pausePoint(state, step);
  return think(state, step);
}

/** A step that was already answered, so nothing is paid again. */
async function recorded(state: LoopState, step: number): Promise<ModelMessage[] | undefined> {
  const row = state.log.calls.find((call) => call.step === step && !call.error);
  if (!row) return undefined;
  state.known = (row.usage?.input ?? 0) + (row.usage?.output ?? 0);
  if (row.messages !== undefined) return JSON.parse(row.messages) as ModelMessage[];
  const parts = JSON.parse(row.parts ?? "[]") as Part[];
  const messages = await replayCall(state.parts.ai, { ...row, parts }, state.request());
  state.unwritten = JSON.stringify(messages);
  return messages;
}

async function useTools(state: LoopState, step: number, calls: AskedCall[]): Promise<void> {
  const rows = new Map<string, ToolRow>();
  for (const row of state.log.tools) if (row.step === step) rows.set(row.call_id, row);
  const known = calls.flatMap((call) => {
    const row = rows.get(call.callId);
    return row && row.status !== "started" ? [{ ...call, output: outputOf(row) }] : [];
  });
  const outcomes =
    known.length === calls.length ? known : await act(await acting(state, step, rows), calls);
  state.messages.push(toolMessage(outcomes));
  for (const { output } of outcomes) {
    const to =
      output.type === "json" && (Object(output.value) as Record<string, unknown>)[handedOver];
    const other = (state.agent.options.handOver ?? []).find(({ name }) => name === to);
    if (other) await state.become(other as Agentlike<unknown>);
  }
}

async function acting(state: LoopState, step: number, rows: Map<string, ToolRow>): Promise<Acting> {
  const { steps = state.agent.options.maxSteps ?? 20 } = state.run.limits;
  // Nobody would see the results of the tools.
  if (step >= steps)
    throw new RunEnd("max_steps", `The run has taken ${steps} steps without an answer.`);
  await pausePoint(state, step);
  const { door, writer, tools, context } = state;
  const schemaOf: Acting["schemaOf"] = async (tool) => tool && state.schemaOf(tool);
  return { job: state.parts.job, door, writer, tools, rows, context, step, tries: 1, schemaOf };
}

/** Recalled memories come before the input, and are recorded before they are used. */
async function recall(state: LoopState): Promise<void> {
  const { recall: limit, tokens } = state.agent.options.memory ?? {};
  if (!limit) return;
  if (state.log.context === null) {
    const input: unknown = JSON.parse(state.log.inputs[0]?.input ?? '""');
    const found = await recallFor(state.parts.job, input, limit, tokens);
    const values = { context: JSON.stringify(found) };
    const kept = await state.door.must("record_run_context", values, recordedContext);
    state.log.context = kept.context;
  }
  const { text } = JSON.parse(state.log.context) as { text: string };
  if (text !== "") state.messages.push(recalledMessage(text));
}

/** Where a paused run waits. */
async function pausePoint(state: LoopState, step: number): Promise<void> {
  const { run, writer, parts, door } = state;
  if (!run.paused) return;
  await writer.flush();
  // Each pause at the same step is a separate wait.
  await parts.job.waitNamed(`resume at ${step} after ${run.last_chunk}`, ["resume"]);
  state.run = (await door.must("begin_run", {}, begunRun)).run;
}

async function end(
  state: LoopState,
  status: string,
  given?: Answer,
  error?: { code: string; message: string },
): Promise<void> {
  const { parts, agent, log, writer, run, door } = state;
  if (status === "succeeded" && agent.options.memory?.remember === "outcome") {
    const input: unknown = JSON.parse(log.inputs[0]?.input ?? "null");
    await rememberOutcome(parts.job, agent.options, input, given);
  }
  await writer.add(run.steps, 1, { type: "finish" });
  await writer.flush();
  const output = given && { output: JSON.stringify(given.output ?? null) };
  await door.must("end_run", { status, ...output, ...(error && { error }) }, runRow);
}
