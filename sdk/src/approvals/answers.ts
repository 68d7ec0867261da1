/** Schemas of answers about approvals. See `answer-form.ts`. */
import { z } from "zod";
import { deleted, list, maybeText, row, text, value, word } from "../contract/answer-form.ts";
import { type ErrorBody, MayflyError } from "../contract/errors.ts";
import { fromRow } from "../link/rows.ts";
import type { Approval, ApprovalDetails, ApprovalPolicy } from "./types.ts";

export { deleted };

/** A refusal in the form in which `fail` raises it. Its details are JSON in a text. */
type Refusal = Pick<ErrorBody, "code" | "message" | "hint"> & { details: string | null };

interface Row {
  id: string;
  digest: string;
  status: string;
  [more: string]: unknown;
}
const known = row({ id: text, digest: text, status: word });

export const approvalRow = z.custom<Row>((given) => known.safeParse(given).success);
export const approvalRows = list(approvalRow);
export const decidedRows = list(
  row<{ approval?: unknown; error?: Refusal }>({
    approval: value.optional(),
    error: row<Refusal>({
      code: word,
      message: text,
      hint: maybeText,
      details: maybeText,
    }).optional(),
  }),
);
export const policyRow = row<{ agent_type: string; category: string }>({
  agent_type: text,
  category: text,
});

export const toApproval = <Shown extends Approval>(given: object) =>
  fromRow(given) as unknown as Shown;
export const toPolicy = (given: object) => fromRow(given) as unknown as ApprovalPolicy;

/** Converts an approval, and also the times of its decisions. */
export function toApprovalDetails<Input>(given: Row): ApprovalDetails<Input> {
  const decisions = (given.decisions as { at: string }[]).map((one) => ({
    ...one,
    at: new Date(one.at),
  }));
  return { ...toApproval<ApprovalDetails<Input>>(given), decisions: decisions as never };
}

export const toRefusal = ({ details, ...body }: Refusal) =>
  new MayflyError({ ...body, details: details === null ? null : JSON.parse(details) });
