import { fit } from "../jobs/kinds.ts";
import type { ModelMessage, Part } from "./ai.ts";
import { begunRun, endedTools, recordedContext, runRow, type ToolRow } from "./answers.ts";
import { act, outputOf } from "./call-tools.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { RunEnd } from "./failures.ts";
import { type LoopParts, LoopState } from "./loop-state.ts";
import { handedOver } from "./loop-tools.ts";
import { type Granted, replayCall } from "./model-call.ts";
import { think } from "./model-step.ts";
import { type Answer, answerOf } from "./output.ts";
import {
  type AskedCall,
  messagesOf,
  mostTokens,
  type Outcome,
  pendingCalls,
  recalledMessage,
  repairMessage,
  toolMessage,
} from "./prompt.ts";
import { recallFor, rememberOutcome } from "./remember.ts";
import type { Acting } from "./tool-step.ts";
import type { Agentlike, RunModel } from "./types.ts";

/**
 * Executes a run until it has ended. Recorded steps are read, and the others are executed and recorded.
 *
 * @throws only errors that end the attempt: the lease is lost, the job sleeps, or the database does not
 * answer.
 */
export async function runLoop(parts: LoopParts, agent: Agentlike<unknown>): Promise<void> {
  const state = new LoopState(parts, agent);
  const begun = await state.door.must("begin_run", {}, begunRun);
  state.log = begun;
  state.run = begun.run;
  state.writer = new ChunkWriter(state.door, begun.run.last_chunk);
  try {
    await state.become(agent);
    await checkInput(state);
    await recall(state);
    await end(state, "succeeded", await answer(state));
  } catch (thrown) {
    if (!(thrown instanceof RunEnd)) throw thrown;
    const { code, message } = thrown;
    await end(state, thrown.status, undefined, { code, message });
  }
}

/** Ends a run that begins with an input that does not match, before the model sees it. */
async function checkInput({ agent, log }: LoopState): Promise<void> {
  const [first] = log.inputs;
  if (!agent.options.input || first?.step !== 1 || log.calls.length > 0) return;
  const { error } = await fit(agent.options.input, JSON.parse(first.input), "input");
  if (error) throw new RunEnd("failed", error.message, error.code);
}

type NextAsk = Granted & { agent: string };

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
    // If a tool's message comes last, the AI SDK itself has answered invalid calls, and the model
    // sees these answers in the next step.
    else if (messages.at(-1)?.role !== "tool") {
      // A fork after the last step continues with another input.
      if (state.log.inputs.some((input) => input.step === step + 1)) continue;
      const given = await answerOf(state.parts.ai, state.agent.options, messages);
      if (given.fits) return given;
      if (repairs >= (state.agent.options.repairs ?? 2))
        throw new RunEnd(
          "failed",
          `The answer does not match the schema: ${given.problem}`,
          "output_invalid",
        );
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

/** Returns the recorded answer of a step, if there is one, so that nobody pays for it again. */
async function recorded(state: LoopState, step: number): Promise<ModelMessage[] | undefined> {
  const row = state.log.calls.find((call) => call.step === step && !call.error);
  if (!row) return undefined;
  state.known = (row.usage?.input ?? 0) + (row.usage?.output ?? 0);
  if (row.messages !== undefined) return JSON.parse(row.messages) as ModelMessage[];
  const parts = JSON.parse(row.parts ?? "[]") as Part[];
  return replayCall(state.parts.ai, { ...row, parts }, state.request());
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
  state.begun = [];
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
  // There is no step left in which a model would see the results of the tools.
  if (step >= steps)
    throw new RunEnd("max_steps", `The run has taken ${steps} steps without an answer.`);
  await pausePoint(state, step);
  const { door, writer, tools, context, begun } = state;
  const { job } = state.parts;
  const schemaOf: Acting["schemaOf"] = async (tool) => tool && state.schemaOf(tool);
  const record: Acting["record"] = async (ends, all) => {
    const ask = all && nextAsk(state, step, all);
    const run = await writer.along((chunks) =>
      door.must(
        "end_tool_calls",
        { step, ends, ...(ask && { ask }), ...(chunks && { chunks }) },
        endedTools,
      ),
    );
    state.run = run;
    const { granted, output } = run.reserved ?? {};
    if (ask && granted && output !== undefined) state.granted = { ...ask, output };
  };
  return { job, door, writer, tools, rows, begun, context, step, tries: 1, schemaOf, record };
}

/** Recalls memories. They come before the input, and are recorded before they are used. */
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

/**
 * Returns the next model call, if it is certain, so that the write that records the tools' results can
 * reserve it. If the prompt turns out to be longer, the call is reserved again.
 */
function nextAsk(state: LoopState, step: number, outcomes: Outcome[]): NextAsk | undefined {
  const { known, run, log, agent, parts } = state;
  const { name, options } = agent;
  const { steps = options.maxSteps ?? 20 } = run.limits;
  const model = [options.model].flat()[0];
  const isSure = known !== undefined && step < steps && !run.paused && !options.handOver?.length;
  if (!isSure || typeof model !== "object" || parts.reservations.isBusy) return undefined;
  const { provider, modelId } = model as RunModel;
  const added = log.inputs.filter((input) => input.step === step + 1);
  const news = [
    toolMessage(outcomes),
    ...added.flatMap(({ input }) => messagesOf(JSON.parse(input))),
  ];
  const id = crypto.randomUUID();
  const output = options.maxOutputTokens ?? 8_192;
  return { id, agent: name, provider, model: modelId, input: mostTokens(news, [], known), output };
}

/** Where a paused run waits. */
async function pausePoint(state: LoopState, step: number): Promise<void> {
  const { run, writer, parts, door } = state;
  if (!run.paused) return;
  await state.dropGranted();
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
  await state.dropGranted();
  await writer.add(run.steps, 1, { type: "finish" });
  if (error) parts.tell({ error });
  const output = given && { output: JSON.stringify(given.output ?? null) };
  const ended = { status, ...output, ...(error && { error }) };
  await writer.along((chunks) =>
    door.must("end_run", { ...ended, ...(chunks && { chunks }) }, runRow),
  );
  // The run's job has ended too.
  parts.job.parts.beOver();
}
