/**
 * Runs the tools that a model called. Each call is audited before it runs, recorded afterwards, and approved
 * if needed.
 */
import type { MayflyError } from "../contract/errors.ts";
import type { Acting, LoopTool } from "./acting.ts";
import { begunTools, runRow, type ToolRow } from "./answers.ts";
import { approvalOf, type Decision } from "./approval.ts";
import { invokeTool } from "./invoke.ts";
import type { AskedCall, ToolOutput } from "./prompt.ts";

export type Outcome = AskedCall & { output: ToolOutput };

/**
 *
 * @returns the outcome of each call, in order.
 * @throws what ends the attempt: `lease_lost`, or the job that sleeps.
 */
export async function act(acting: Acting, calls: AskedCall[]): Promise<Outcome[]> {
  const outcomes = new Map<string, ToolOutput>();
  const open = calls.filter((call) => {
    const row = acting.rows.get(call.callId);
    if (row && row.status !== "started") outcomes.set(call.callId, outputOf(row));
    return !outcomes.has(call.callId);
  });
  const toolOf = ({ tool }: AskedCall) => acting.tools[tool];
  const approvals = new Map(open.map((call) => [call.callId, needsApproval(toolOf(call), call)]));
  const isPlain = (call: AskedCall) =>
    approvals.get(call.callId) === "never" && !toolOf(call)?.sleeps;
  const reads = open.filter((call) => isPlain(call) && toolOf(call)?.risk === "read");
  const writes = open.filter((call) => isPlain(call) && toolOf(call)?.risk !== "read");
  const others = open.filter((call) => !isPlain(call));
  const nth = (call: AskedCall) => calls.indexOf(call) + 1;

  if (reads.length > 0)
    for (const { callId, output } of await run(acting, reads, nth)) outcomes.set(callId, output);
  // Calls with an effect run in the order in which they were made.
  for (const call of writes)
    for (const { callId, output } of await run(acting, [call], nth)) outcomes.set(callId, output);
  const asked = new Map<string, Decision>();
  for (const call of others) {
    const how = approvals.get(call.callId) ?? "never";
    // Ask for all approvals before waiting for the first.
    if (how !== "never") asked.set(call.callId, await approvalOf(acting, call, toolOf(call), how));
  }
  for (const call of others) {
    const decided = await asked.get(call.callId)?.wait();
    const [outcome] = decided?.refused
      ? [await deny(acting, call, nth(call), decided)]
      : await run(
          acting,
          [{ ...call, input: decided ? decided.input : call.input }],
          nth,
          decided,
          call,
        );
    if (outcome) outcomes.set(call.callId, outcome.output);
  }
  return calls.map((call) => ({
    ...call,
    output: outcomes.get(call.callId) ?? { type: "error-text", value: "It was not run." },
  }));
}

function needsApproval(tool: LoopTool | undefined, { input }: AskedCall) {
  const { approval = "never" } = tool ?? {};
  return typeof approval === "function" ? approval(input) : approval;
}

/** The record of a call, for the model. */
export function outputOf({
  status,
  result,
  error,
}: Pick<ToolRow, "status" | "result" | "error">): ToolOutput {
  if (status === "denied")
    return { type: "execution-denied", reason: error?.message ?? "It was not approved." };
  if (status === "failed") return { type: "error-text", value: error?.message ?? "It failed." };
  return { type: "json", value: result === undefined ? null : JSON.parse(result) };
}

async function run(
  acting: Acting,
  calls: AskedCall[],
  nth: (call: AskedCall) => number,
  decided?: { id: string },
  original?: AskedCall,
): Promise<Outcome[]> {
  const { door, step, tools, job, context } = acting;
  const begun = await begin(acting, calls, nth, decided, original);
  const ended = await Promise.all(
    calls.map(async (call, at) => {
      const known = begun[at];
      if (known && known.status !== "started") return { call, known: outputOf(known) };
      const tool = tools[call.tool];
      const attempt = known?.attempts ?? 1;
      const idempotencyKey = `${context.runId}/${step}/${call.callId}`;
      const began = performance.now();
      const said = await invokeTool(tool, call, {
        ...context,
        step,
        attempt,
        idempotencyKey,
        signal: job.signal,
      });
      return { call, said: { ...said, ms: Math.round(performance.now() - began) } };
    }),
  );
  const ends = ended.flatMap(({ call, said }) =>
    said
      ? [
          {
            call_id: call.callId,
            status: said.status,
            ms: said.ms,
            ...(said.result !== undefined && { result: said.result }),
            ...(said.error && { error: said.error }),
          },
        ]
      : [],
  );
  if (ends.length > 0) await door.must("end_tool_calls", { step, ends }, runRow);
  const outcomes = ended.map(({ call, said, known }) => ({
    ...call,
    output: known ?? outputOf(said as never),
  }));
  for (const one of outcomes) await tell(acting, one);
  return outcomes;
}

/** The audit row of each call, before it runs. If a rate limit has no room, it waits. */
async function begin(
  { door, step, tools, job }: Acting,
  calls: AskedCall[],
  nth: (call: AskedCall) => number,
  decided: { id: string } | undefined,
  original: AskedCall | undefined,
) {
  const rows = new Map<
    string,
    {
      status: string;
      attempts?: number;
      result?: string;
      error?: { code: string; message: string };
    }
  >();
  for (let left = calls; left.length > 0; ) {
    const sent = left.map((call) => ({
      call_id: call.callId,
      tool: call.tool,
      input: JSON.stringify(call.input ?? null),
      risk: tools[call.tool]?.risk ?? "write",
      nth: nth(original ?? call),
      ...(decided && { approval_id: decided.id }),
    }));
    const answers = await door.must("begin_tool_calls", { step, calls: sent }, begunTools);
    for (const answer of answers) rows.set(answer.call_id, answer);
    const limited = answers.filter(({ status }) => status === "limited");
    left = left.filter(({ callId }) => limited.some(({ call_id: id }) => id === callId));
    if (left.length > 0)
      await pause(Math.max(...limited.map((one) => one.retry_after ?? 1)), job.signal);
  }
  return calls.map(({ callId }) => rows.get(callId));
}

/** @throws the signal's reason. */
export const pause = (seconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, seconds * 1_000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** A call that nobody approved is audited as well. */
async function deny(
  acting: Acting,
  call: AskedCall,
  nth: number,
  { id, refused }: { id: string; refused?: MayflyError | undefined },
): Promise<Outcome> {
  const { door, step } = acting;
  await begin(acting, [call], () => nth, { id }, call);
  const error = { code: refused?.code ?? "approval_rejected", message: refused?.message ?? "" };
  await door.must(
    "end_tool_calls",
    { step, ends: [{ call_id: call.callId, status: "denied", error }] },
    runRow,
  );
  const outcome = { ...call, output: outputOf({ status: "denied", error }) };
  await tell(acting, outcome);
  return outcome;
}

/** The result in the stream. */
function tell({ writer, step, tries }: Acting, { callId, output }: Outcome): Promise<void> {
  const chunk =
    output.type === "execution-denied"
      ? { type: "tool-output-denied", toolCallId: callId }
      : output.type === "error-text"
        ? { type: "tool-output-error", toolCallId: callId, errorText: output.value }
        : { type: "tool-output-available", toolCallId: callId, output: output.value };
  return writer.add(step, tries, chunk);
}
