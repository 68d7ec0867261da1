/**
 * Approvals of tool calls. They are requested under the job's lease. Waiting for one costs nothing, and each is
 * used only once.
 */
import { approvalRow } from "../approvals/answers.ts";
import { MayflyError, type Result } from "../contract/errors.ts";
import type { AskedCall } from "./prompt.ts";
import type { Acting, LoopTool } from "./tool-step.ts";
import type { ToolApproval } from "./types.ts";

/** The decision. It comes only from the database. Nothing that a model reads or says counts as an approval. */
export interface Decided {
  id: string;
  /** The arguments to use: the original ones, or those that the decider changed. */
  input: unknown;
  refused?: MayflyError;
}
export interface Decision {
  wait(): Promise<Decided>;
}

const refusals: Record<string, [MayflyError["code"], string]> = {
  rejected: ["approval_rejected", "Somebody rejected the call."],
  expired: ["approval_expired", "Nobody approved the call in time."],
  cancelled: ["approval_rejected", "The request for approval was withdrawn."],
};
const unapproved: [MayflyError["code"], string] = [
  "approval_rejected",
  "The call is not approved.",
];

/**
 * Asks once. The id of the approval is recorded as a step of the job, so that a later attempt finds it even
 * if the decider has changed the arguments.
 */
export async function approvalOf(
  acting: Acting,
  call: AskedCall,
  tool: LoopTool | undefined,
  how: ToolApproval,
): Promise<Decision> {
  const { door, job, writer, step, tries } = acting;
  const of = `tool: ${step}/${call.callId}`.slice(0, 150);
  const asked = await job.step(`approval of ${of}`, async () => {
    const { id, status, expires_at: expires } = await ask(acting, call, tool, how, of);
    return { id, status, expires: (expires as string | null | undefined) ?? null };
  });
  if (asked.status === "pending") {
    const chunk = { type: "tool-approval-request", approvalId: asked.id, toolCallId: call.callId };
    await writer.add(step, tries, chunk);
    await writer.flush();
  }
  const take = () => door.must("use_approval", { id: asked.id, step: of }, approvalRow);
  return {
    async wait() {
      let taken = await take();
      // A signal that somebody else sent is not a decision, so wait again.
      for (let nth = 1; taken.status === "pending"; nth++) {
        const left =
          asked.expires === null
            ? undefined
            : Math.max(1, (Date.parse(asked.expires) - Date.now()) / 1_000 + 1);
        await job.waitNamed(`approval of ${of}, ${nth}`, [`approval:${asked.id}`], left);
        taken = await take();
      }
      if (taken.status === "approved") return { id: asked.id, input: taken.input };
      const [code, message] = refusals[taken.status] ?? unapproved;
      const reasons = (taken.reasons as string[] | undefined) ?? [];
      const refused = new MayflyError({
        code,
        message: [message, ...reasons].join(" "),
        hint: null,
        details: { id: asked.id },
      });
      return { id: asked.id, input: call.input, refused };
    },
  };
}

/**
 * Requests an approval, or finds the one that this call has already requested. It is bound to the run, the
 * call and its arguments.
 */
async function ask(
  acting: Acting,
  call: AskedCall,
  tool: LoopTool | undefined,
  how: ToolApproval,
  step: string,
) {
  const values = {
    step,
    title: `${call.tool}?`,
    input: call.input ?? {},
    category: (tool?.risk ?? "write").replace(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 100),
    required: how === "always",
  };
  const schema = await acting.schemaOf(tool);
  const whole = { ...values, ...(schema && { input_schema: schema }) };
  const first = await acting.door.write("request_approval", whole, approvalRow);
  // SQL cannot check this schema, so deciders can approve or reject the input, but not change it.
  return first.error?.code === "invalid_request" && schema
    ? acting.door.must("request_approval", values, approvalRow)
    : dataOf(first);
}

function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
