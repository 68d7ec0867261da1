/** Schemas of answers about runs. See `answer-form.ts`. */
import { z } from "zod";
import { count, flag, list, maybeText, row, text, word } from "../contract/answer-form.ts";
import { type Reserved, reservedRow } from "../costs/answers.ts";
import { fromRow } from "../link/rows.ts";
import type { RunModelCall, RunToolCall } from "./call-types.ts";
import { answerOfMessages, answerOfParts } from "./run-answer.ts";
import type { RunDetails, RunInfo } from "./types.ts";

export const startedRun = row<{ id: string; existing: boolean }>({ id: text, existing: flag });

/** A run with its totals. */
export interface RunRow {
  id: string;
  agent: string;
  status: string;
  steps: number;
  repairs: number;
  input_tokens: number;
  output_tokens: number;
  usd: number;
  unpriced: number;
  active_ms: number;
  paused: boolean;
  last_chunk: number;
  limits: { steps?: number; seconds?: number; tokens?: number; usd?: number };
  error?: { code: string; message: string };
  [more: string]: unknown;
}
const known = z.looseObject({
  id: text,
  agent: text,
  status: word,
  steps: count,
  usd: count,
  active_ms: count,
  paused: flag,
  last_chunk: count,
});
export const runRow = z.custom<RunRow>((given) => known.safeParse(given).success);
export const runRows = list(runRow);

/** What `begin_tool_calls` returns for a call. */
export interface BegunTool {
  call_id: string;
  status: string;
  attempts?: number;
  retry_after?: number;
  result?: string;
  error?: { code: string; message: string };
}
const begunTool = row<BegunTool>({
  call_id: text,
  status: text,
  attempts: count.optional(),
  retry_after: count.optional(),
  result: text.optional(),
  error: row<{ code: string; message: string }>({ code: text, message: text }).optional(),
});
export const begunTools = list(begunTool);

/** A run after an answer was recorded, with the tool calls that were begun in the same write. */
export type RecordedRun = RunRow & { tools?: BegunTool[] };
export const recordedRun = z.custom<RecordedRun>(
  (given) =>
    known.safeParse(given).success &&
    begunTools.optional().safeParse((given as { tools?: unknown }).tools).success,
);

/** A run after tool calls were recorded, with the next model call, if it was reserved. */
export type EndedTools = RunRow & { reserved?: Reserved };
export const endedTools = z.custom<EndedTools>(
  (given) =>
    known.safeParse(given).success &&
    reservedRow.optional().safeParse((given as { reserved?: unknown }).reserved).success,
);

/** A call of a model. `messages` and `parts` are JSON as text, exactly as it was written. */
export interface CallRow {
  step: number;
  try: number;
  agent: string;
  provider: string;
  model: string;
  digest: string;
  finish?: string;
  messages?: string;
  parts?: string;
  usage?: Record<string, number>;
  error?: { code: string; message: string };
  [more: string]: unknown;
}
export interface ToolRow {
  step: number;
  call_id: string;
  tool: string;
  status: string;
  input: string;
  result?: string;
  error?: { code: string; message: string };
  [more: string]: unknown;
}
/** What a run has recorded. */
export interface RunLog {
  inputs: { step: number; input: string }[];
  context: string | null;
  calls: CallRow[];
  tools: ToolRow[];
}
const log = z.looseObject({
  inputs: z.array(z.object({ step: count, input: text })),
  context: maybeText,
  calls: z.array(z.looseObject({ step: count, try: count, digest: text })),
  tools: z.array(z.looseObject({ step: count, call_id: text, tool: text, status: text })),
});
export const begunRun = z.custom<RunLog & { run: RunRow }>(
  (given) =>
    log.safeParse(given).success && known.safeParse((given as { run?: unknown }).run).success,
);
export const detailsRow = z.custom<RunLog & RunRow & { output: string | null }>(
  (given) => log.safeParse(given).success && known.safeParse(given).success,
);
export const recordedContext = row<{ context: string }>({ context: text });
export const readSecret = row<{ secret: string | null }>({ secret: maybeText });
export const appended = row<{ last: number; paused: boolean }>({ last: count, paused: flag });
export interface ChunkPage {
  rows: { seq: number; chunks: string }[];
  last: number;
  status: string;
  ended: boolean;
}
export const chunkPage = row<ChunkPage>({
  rows: list(row<{ seq: number; chunks: string }>({ seq: count, chunks: text })),
  last: count,
  status: text,
  ended: flag,
});

export function toRun(given: RunRow): RunInfo {
  const { lastChunk: _last, paused: _paused, ...shown } = fromRow(given) as Record<string, unknown>;
  return shown as unknown as RunInfo;
}

const parsed = (json: string | undefined): unknown =>
  json === undefined ? undefined : JSON.parse(json);

/**
 * Converts a model call. A call without messages has its parts instead, even if the caller did not
 * ask for parts.
 */
function toCall({ messages, parts, at, ...call }: CallRow, withParts: boolean): RunModelCall {
  const answer =
    messages !== undefined
      ? answerOfMessages(JSON.parse(messages))
      : parts !== undefined && answerOfParts(JSON.parse(parts));
  return {
    ...(call as unknown as RunModelCall),
    at: new Date(at as string),
    ...(answer && { answer }),
    ...(withParts && parts !== undefined && { parts: JSON.parse(parts) as unknown[] }),
  };
}

export function toRunDetails<Output>(
  given: RunLog & RunRow & { output: string | null },
  withParts: boolean,
): RunDetails<Output> {
  const { inputs, context, calls, tools, output, ...run } = given;
  return {
    ...toRun(run as RunRow),
    input: parsed(inputs[0]?.input) ?? null,
    inputs: inputs.map(({ step, input }) => ({ step, input: parsed(input) })),
    output: output === null ? null : (JSON.parse(output) as Output),
    context: context === null ? null : JSON.parse(context),
    calls: calls.map((call) => toCall(call, withParts)),
    tools: tools.map(({ input, result, ...call }) => ({
      ...(fromRow(call) as unknown as RunToolCall),
      input: JSON.parse(input),
      ...(result !== undefined && { result: JSON.parse(result) }),
    })),
  };
}
