/** Approvals of calls of tools: asked for under the lease, waited for without costing anything, taken once. */
import { approvalRow } from "../approvals/answers.ts";
import { MayflyError, type Result } from "../contract/errors.ts";
import type { Acting, LoopTool } from "./acting.ts";
import type { AskedCall } from "./prompt.ts";
import type { ToolApproval } from "./types.ts";

/** What was decided. Without a word of the database it is refused: nothing that a model reads or says approves. */
export interface Decided {
  id: string;
  /** What may be done: that which was asked about, or what the decider made of it. */
  input: unknown;
  refused?: MayflyError;
}
export interface Decision {
  wait(): Promise<Decided>;
}

const refusals: Record<string, [MayflyError["code"], string]> = {
  rejected: ["approval_rejected", "Somebody has rejected it."],
  expired: ["approval_expired", "Nobody has approved it in time."],
  cancelled: ["approval_rejected", "It was withdrawn."],
};

/** Asks. A question of an earlier attempt is found again: it is bound to the run, the call and its arguments. */
export async function approvalOf(
  acting: Acting,
  call: AskedCall,
  tool: LoopTool | undefined,
  how: ToolApproval,
): Promise<Decision> {
  const { door, job, writer, step, tries } = acting;
  const of = `tool: ${step}/${call.callId}`.slice(0, 200);
  const values = {
    step: of,
    title: `${call.tool}?`,
    input: call.input ?? {},
    category: (tool?.risk ?? "write").replace(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 100),
    required: how === "always",
  };
  const schema = await acting.schemaOf(tool);
  const whole = { ...values, ...(schema && { input_schema: schema }) };
  const first = await door.write("request_approval", whole, approvalRow);
  // A schema that SQL cannot check: then the question is approved or rejected, not changed.
  const asked =
    first.error?.code === "invalid_request" && schema
      ? await door.must("request_approval", values, approvalRow)
      : dataOf(first);
  if (asked.status === "pending") {
    const chunk = { type: "tool-approval-request", approvalId: asked.id, toolCallId: call.callId };
    await writer.add(step, tries, chunk);
    await writer.flush();
  }
  return {
    async wait() {
      if (asked.status === "pending") {
        const expires = asked.expires_at as string | null;
        const left = expires && Math.max(1, (Date.parse(expires) - Date.now()) / 1_000 + 1);
        await job.waitNamed(`approval of ${of}`, [`approval:${asked.id}`], left || undefined);
      }
      const taken = await door.must("use_approval", { id: asked.id, step: of }, approvalRow);
      if (taken.status === "approved") return { id: asked.id, input: taken.input };
      const [code, message] = refusals[taken.status] ?? [
        "approval_rejected",
        "It is not approved.",
      ];
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

function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
