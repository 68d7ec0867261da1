import type { Decision, ListedApproval, Result } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { Json } from "../../parts/json.tsx";
import { Name } from "../../parts/name.tsx";
import { say } from "../../parts/notice.tsx";
import { plural, printable } from "../../parts/text.ts";

/** The most decisions in one call. */
const most = 100;

/**
 * Decides several approvals at once. The decisions apply only to the exact arguments that the dialog
 * shows.
 */
export function DecideMany(props: {
  space: Space;
  approvals: ListedApproval[];
  verdict: Decision["verdict"];
  onClose(): void;
  onDone(): void;
}) {
  const { space, approvals, verdict, onClose, onDone } = props;
  const word = verdict === "approve" ? "Approve" : "Reject";
  // The list behind the dialog keeps changing. Only the approvals that were shown are decided.
  const [shown] = useState(approvals);
  return (
    <Dialog
      title={`${word} ${plural(shown.length, "approval")}`}
      class="wide-dialog"
      onClose={onClose}
    >
      <Form
        label={`${word} all ${shown.length}`}
        onDone={() => {
          onDone();
          onClose();
        }}
        run={(field) => decideAll(space, shown, verdict, field("reason"))}
      >
        <div class="many">
          {shown.map(({ id, title, input, requestedBy }) => (
            <section key={id} class="exact" aria-label={printable(title)}>
              <header>
                <strong>
                  <bdi>{printable(title)}</bdi>
                </strong>
                <Name id={requestedBy} plain />
              </header>
              <Json value={input} open={12} />
            </section>
          ))}
        </div>
        <label>
          Reason
          <textarea name="reason" rows={2} maxLength={2_000} placeholder="The requesters see it." />
        </label>
      </Form>
    </Dialog>
  );
}

async function decideAll(
  space: Space,
  approvals: ListedApproval[],
  verdict: Decision["verdict"],
  reason: string,
): Promise<Result<unknown>> {
  let done = 0;
  for (let at = 0; at < approvals.length; at += most) {
    const some = approvals.slice(at, at + most);
    const decisions = some.map(({ id, digest }) => ({
      ...{ id, digest, verdict },
      ...(reason && { reason }),
    }));
    const answer = await space.mayfly.approvals.decide(decisions);
    if (answer.error) return answer;
    for (const [place, one] of answer.data.entries())
      if ("approval" in one) done++;
      else say({ tone: "red", title: `${some[place]?.title}: not decided`, error: one.error });
  }
  if (done > 0)
    say({
      tone: "green",
      title: `${verdict === "approve" ? "Approved" : "Rejected"} ${plural(done, "approval")}`,
    });
  return { data: null, error: null };
}
