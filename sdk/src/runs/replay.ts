/** Replays a recorded run without calling a model or running a tool. */
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { type Ai, loadAi, type ModelMessage, type Part } from "./ai.ts";
import type { RunLog } from "./answers.ts";
import { outputOf } from "./call-tools.ts";
import { replayCall } from "./model-call.ts";
import { messagesOf, pendingCalls, recalledMessage, textOf, toolMessage } from "./prompt.ts";
import { digestOf } from "./request-digest.ts";
import type { RunChunk } from "./types.ts";

/** The result of a replay. */
export interface Replayed {
  /** The chunks of the models' answers, byte for byte the same as in the run. */
  chunks: Omit<RunChunk, "seq">[];
  /** The conversation as the next call would get it, as messages of the AI SDK. */
  messages: unknown[];
  /** The text of the last answer. */
  text: string;
  /** How many steps were replayed. */
  steps: number;
}

export async function replayLog(log: RunLog): Promise<Result<Replayed>> {
  const ai = await loadAi();
  const messages: ModelMessage[] = [];
  const chunks: Replayed["chunks"] = [];
  if (log.context !== null) {
    const { text } = JSON.parse(log.context) as { text: string };
    if (text !== "") messages.push(recalledMessage(text));
  }
  const answers = log.calls.filter(({ error }) => !error);
  let text = "";
  for (const [at, row] of answers.entries()) {
    if (row.step !== at + 1 || row.parts === undefined) return failed(differs(at + 1));
    for (const { step, input } of log.inputs)
      if (step === row.step) messages.push(...messagesOf(JSON.parse(input)));
    const parts = JSON.parse(row.parts) as Part[];
    const answer = await replayCall(
      ai,
      { ...row, parts },
      { messages, tools: toolsOf(ai, log) },
      async (chunk) => {
        chunks.push({ step: row.step, try: row.try, chunk: chunk as RunChunk["chunk"] });
      },
    );
    // The replayed step must return the recorded result.
    if (
      row.messages !== undefined &&
      (await digestOf(JSON.parse(row.messages))) !== (await digestOf(answer))
    )
      return failed(differs(row.step));
    messages.push(...answer);
    text = textOf(answer);
    const calls = pendingCalls(answer);
    if (calls.length === 0) continue;
    const rows = new Map(
      log.tools.filter(({ step }) => step === row.step).map((one) => [one.call_id, one]),
    );
    if (calls.some(({ callId }) => !rows.has(callId))) break;
    messages.push(
      toolMessage(
        calls.map((call) => ({ ...call, output: outputOf(rows.get(call.callId) as never) })),
      ),
    );
  }
  return ok({ chunks, messages, text, steps: answers.length });
}

/** The tools by name, without schemas, because the calls were checked when the run happened. */
const toolsOf = (ai: Ai, log: RunLog) =>
  Object.fromEntries(
    log.tools.map(({ tool }) => [
      tool,
      ai.tool({ inputSchema: ai.jsonSchema({ type: "object" }) }),
    ]),
  );

const differs = (step: number) =>
  new MayflyError({
    code: "replay_differs",
    message: `Step ${step} does not give the recorded result.`,
    hint: "Use the version of the package `ai` with which the run was made.",
    details: { step },
  });
