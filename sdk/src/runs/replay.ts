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
  /** The chunks of the models' answers as in the run, with the deltas of each block joined. */
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
    const kept = row.messages === undefined ? [] : (JSON.parse(row.messages) as ModelMessage[]);
    const refused = refusedCalls(kept);
    const replayed = await replayCall(
      ai,
      { ...row, parts },
      { messages, tools: toolsOf(ai, log, refused) },
      async (chunk) => {
        const { type, toolCallId } = chunk as { type: string; toolCallId?: string };
        const said = type === "tool-input-error" && refused.get(toolCallId ?? "")?.said;
        const shown = said ? { ...(chunk as object), errorText: said } : chunk;
        chunks.push({ step: row.step, try: row.try, chunk: shown as RunChunk["chunk"] });
      },
    );
    // The replayed step must return the recorded result.
    if (
      row.messages !== undefined &&
      (await digestOf(withoutSayings(kept))) !== (await digestOf(withoutSayings(replayed)))
    )
      return failed(differs(row.step));
    const answer = row.messages === undefined ? replayed : kept;
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

/** A call that the AI SDK refused, because its input was invalid or there was no such tool. */
interface Refused {
  tool: string;
  input: unknown;
  /** What the stream said about it. */
  said: string;
  isUnknown: boolean;
}

function refusedCalls(messages: ModelMessage[]): Map<string, Refused> {
  const inputs = new Map<string, unknown>();
  const refused = new Map<string, Refused>();
  for (const { content } of messages)
    for (const part of typeof content === "string" ? [] : content)
      if (part.type === "tool-call") inputs.set(part.toolCallId, part.input);
      else if (part.type === "tool-result" && part.output.type === "error-text") {
        const { toolCallId: id, toolName: tool } = part;
        // The message also names the class of the error since version 7. The stream never did.
        const said = part.output.value.replace(/^AI_\w+: /, "");
        const isUnknown = said.includes(`unavailable tool '${tool}'`);
        refused.set(id, { tool, input: inputs.get(id), said, isUnknown });
      }
  return refused;
}

/**
 * The tools by name, without schemas. A call was checked when the run happened, so exactly the calls that were
 * refused then are refused again.
 */
const toolsOf = (ai: Ai, log: RunLog, refused: Map<string, Refused>) => {
  const calls = [...refused.values()];
  const names = calls.flatMap(({ tool, isUnknown }) => (isUnknown ? [] : [tool]));
  return Object.fromEntries(
    [...log.tools.map(({ tool }) => tool), ...names].map((name) => {
      const isRefused = (value: unknown) =>
        calls.some(
          ({ tool, input }) => tool === name && JSON.stringify(input) === JSON.stringify(value),
        );
      const schema = ai.jsonSchema(
        { type: "object" },
        {
          validate: (value) =>
            isRefused(value)
              ? { success: false, error: new Error("It was refused.") }
              : { success: true, value },
        },
      );
      return [name, ai.tool({ inputSchema: schema })];
    }),
  );
};

/** The AI SDK words its refusals differently from version to version. */
const withoutSayings = (messages: ModelMessage[]) =>
  messages.map(({ role, content }) => ({
    role,
    content:
      typeof content === "string"
        ? content
        : content.map((part) =>
            part.type === "tool-result" && part.output.type === "error-text"
              ? { ...part, output: { type: "error-text" } }
              : part,
          ),
  }));

const differs = (step: number) =>
  new MayflyError({
    code: "replay_differs",
    message: `Step ${step} does not give the recorded result.`,
    hint: "Use the version of the package `ai` with which the run was made.",
    details: { step },
  });
