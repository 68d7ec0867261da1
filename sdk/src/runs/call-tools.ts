/**
 * Runs the tools that a model called. Each call is audited before it runs, recorded afterwards, and approved
 * if needed.
 */
import type { MayflyError } from "../contract/errors.ts";
import type { SpanAbout } from "../contract/telemetry.ts";
import { observe } from "../link/observe.ts";
import { begunTools, runRow, type ToolRow } from "./answers.ts";
import { approvalOf, type Decision } from "./approval.ts";
import { invokeTool } from "./invoke.ts";
import type { AskedCall, Outcome, ToolOutput } from "./prompt.ts";
import type { Acting, LoopTool } from "./tool-step.ts";

/**
 * @returns the outcome of each call, in order.
 * @throws errors that end the attempt: `lease_lost`, or that the job sleeps.
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

  // Returns all outcomes of the step, once all are known. The write of the last result can then also
  // reserve the next model call.
  const all = (ran: Outcome[]) => {
    const known = new Map([
      ...outcomes,
      ...ran.map(({ callId, output }) => [callId, output] as const),
    ]);
    return calls.every(({ callId }) => known.has(callId))
      ? calls.map((call) => ({ ...call, output: known.get(call.callId) as ToolOutput }))
      : undefined;
  };
  if (reads.length > 0)
    for (const { callId, output } of await run(acting, reads, nth, all))
      outcomes.set(callId, output);
  // Calls with an effect run in the order in which they were made.
  for (const call of writes)
    for (const { callId, output } of await run(acting, [call], nth, all))
      outcomes.set(callId, output);
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
          all,
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

/** The recorded outcome of a call, as the model sees it. */
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
  all: (ran: Outcome[]) => Outcome[] | undefined,
  decided?: { id: string },
  original?: AskedCall,
): Promise<Outcome[]> {
  const { step, tools, job, context } = acting;
  const begun = await begin(acting, calls, nth, decided, original);
  const ended = await Promise.all(
    calls.map(async (call, at) => {
      const known = begun[at];
      if (known && known.status !== "started") return { call, known: outputOf(known) };
      const tool = tools[call.tool];
      const attempt = known?.attempts ?? 1;
      const idempotencyKey = `${context.runId}/${step}/${call.callId}`;
      const began = performance.now();
      const { signal } = job;
      const said = await observe(job.door.telemetry, spanOf(acting, call), async (tell) => {
        const attributes = job.attributes.bind(job);
        const given = { ...context, step, attempt, idempotencyKey, signal, attributes };
        const outcome = await invokeTool(tool, call, given);
        if (outcome.error) tell({ error: outcome.error });
        return outcome;
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
  const outcomes = ended.map(({ call, said, known }) => ({
    ...call,
    output: known ?? outputOf(said as never),
  }));
  if (ends.length > 0) await acting.record(ends, all(outcomes));
  for (const one of outcomes) await tell(acting, one);
  return outcomes;
}

const spanOf =
  ({ tools, context: { runId } }: Acting, { tool: name, callId }: AskedCall) =>
  (): SpanAbout => {
    const { description } = tools[name] ?? {};
    return { kind: "tool", name, callId, runId, ...(description && { description }) };
  };

/** A call in the form of its audit row. */
const audited = (
  { callId, tool, input }: AskedCall,
  tools: Record<string, LoopTool>,
  nth: number,
  decided?: { id: string },
) => ({
  call_id: callId,
  tool,
  input: JSON.stringify(input ?? null),
  risk: tools[tool]?.risk ?? "write",
  nth,
  ...(decided && { approval_id: decided.id }),
});

/**
 * The calls of an answer that can run at once: all calls that only read, or if there are none, the first call
 * that needs nobody's approval. They are begun in the write that records the answer.
 */
export function firstTools(tools: Record<string, LoopTool>, calls: AskedCall[]): object[] {
  const plain = calls.filter(({ tool: name }) => {
    const tool = tools[name];
    return tool && !tool.sleeps && (tool.approval ?? "never") === "never";
  });
  const reads = plain.filter(({ tool }) => tools[tool]?.risk === "read");
  const first = reads.length > 0 ? reads : plain.slice(0, 1);
  const sent = first.map((call) => audited(call, tools, calls.indexOf(call) + 1));
  // If there were more or larger calls, the database would refuse the whole write, including the
  // answer.
  return sent.length <= 100 && sent.every(fits) ? sent : [];
}

const fits = ({ call_id: id, input }: { call_id: string; input: string }) =>
  id.length <= 200 && !id.includes("\0") && new TextEncoder().encode(input).length <= 262_144;

/** Writes the audit row of each call before it runs. If a rate limit refuses a call, it waits. */
async function begin(
  { door, step, tools, job, begun }: Acting,
  calls: AskedCall[],
  nth: (call: AskedCall) => number,
  decided: { id: string } | undefined,
  original: AskedCall | undefined,
) {
  const rows = new Map(begun.map((one) => [one.call_id, one]));
  for (;;) {
    const left = calls.filter(
      ({ callId }) => (rows.get(callId)?.status ?? "limited") === "limited",
    );
    if (left.length === 0) break;
    const waits = left.map(({ callId }) => rows.get(callId)?.retry_after ?? 0);
    if (waits.some((seconds) => seconds > 0)) await pause(Math.max(...waits), job.signal);
    const sent = left.map((call) => audited(call, tools, nth(original ?? call), decided));
    const answers = await door.must("begin_tool_calls", { step, calls: sent }, begunTools);
    for (const answer of answers) rows.set(answer.call_id, answer);
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

/** Audits a call that was not approved. */
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

/** Writes the result of a call to the stream. */
function tell({ writer, step, tries }: Acting, { callId, output }: Outcome): Promise<void> {
  const chunk =
    output.type === "execution-denied"
      ? { type: "tool-output-denied", toolCallId: callId }
      : output.type === "error-text"
        ? { type: "tool-output-error", toolCallId: callId, errorText: output.value }
        : { type: "tool-output-available", toolCallId: callId, output: output.value };
  return writer.add(step, tries, chunk);
}
