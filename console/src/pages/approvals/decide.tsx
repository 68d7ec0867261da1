import type { ApprovalDetails, MayflyError, Result } from "@mayfly/sdk";
import { useRef, useState } from "preact/hooks";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { InputFields } from "../../parts/fields.tsx";
import { Refusal, say } from "../../parts/notice.tsx";
import { Select } from "../../parts/select.tsx";
import { beginningWith, shapeOf, shapeOfSchema } from "../../parts/shape.ts";
import { printable } from "../../parts/text.ts";
import { useInput } from "../../parts/use-input.ts";

/** Approves, rejects or delegates, with a reason, and with changed arguments if the approval allows it. */
export function Decide(props: { space: Space; approval: ApprovalDetails; onDone(): void }) {
  const { space, approval, onDone } = props;
  const { approvals } = space.mayfly;
  const [reason, setReason] = useState("");
  const [changes, setChanges] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const [to, setTo] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [error, setError] = useState<MayflyError | null>(null);
  const described = shapeOfSchema(approval.inputSchema);
  const input = useInput({
    of: approval.id,
    shape: described?.properties
      ? beginningWith(described, approval.input)
      : shapeOf(approval.input),
    schema: approval.inputSchema,
    rest: approval.input as Record<string, unknown>,
    hint: "that you approve instead",
  });
  const why = reason.trim() ? { reason: reason.trim() } : {};

  const act = async (title: string, run: () => Promise<Result<unknown>>) => {
    setBusy(true);
    setProblem(null);
    const answer = await run();
    setBusy(false);
    setError(answer.error);
    if (!answer.error) say({ tone: "green", title });
    // Reload after a refusal, too, because the approval may have changed.
    onDone();
  };
  const approve = () => {
    if (!changes || !form.current) return act("Approved", () => approvals.approve(approval, why));
    const read = input.read(new FormData(form.current));
    if (typeof read === "string") return setProblem(read);
    return act("Approved, with your change", () =>
      approvals.approve(approval, { ...why, input: read.value }),
    );
  };
  const others = to === null ? [] : othersOf(space, approval);
  return (
    <form ref={form} class="decide form" onSubmit={(event) => event.preventDefault()}>
      {changes && <InputFields input={input} placeholder="{}" />}
      <label>
        Reason
        <textarea
          rows={2}
          maxLength={2_000}
          placeholder="The requester sees it."
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      {to !== null && (
        <div class="decide-row">
          <Select
            label="Delegate to"
            value={to}
            options={[["", others.length === 0 ? "Nobody else may decide" : "To whom?"], ...others]}
            onChange={setTo}
          />
          <button
            type="button"
            class="button primary"
            disabled={busy || to === ""}
            onClick={() => act("Delegated", () => approvals.delegate(approval.id, to, why.reason))}
          >
            Delegate it
          </button>
          <button type="button" class="button" onClick={() => setTo(null)}>
            Back
          </button>
        </div>
      )}
      {problem && (
        <p class="warning" role="alert">
          {problem}
        </p>
      )}
      {error && (
        <div class="warning" role="alert">
          <Refusal error={error} />
        </div>
      )}
      {to === null && (
        <div class="decide-row">
          <button type="button" class="button primary" disabled={busy} onClick={approve}>
            {changes ? "Approve with the change" : "Approve"}
          </button>
          <button
            type="button"
            class="button danger"
            disabled={busy}
            onClick={() => act("Rejected", () => approvals.reject(approval, why))}
          >
            Reject
          </button>
          <span class="decide-more">
            {approval.inputSchema && (
              <button type="button" class="button" onClick={() => setChanges(!changes)}>
                {changes ? "Keep them as requested" : "Change the arguments"}
              </button>
            )}
            <button type="button" class="button" onClick={() => setTo("")}>
              Delegate
            </button>
          </span>
        </div>
      )}
    </form>
  );
}

/** The people and living agents that may decide instead of this person. */
function othersOf(space: Space, { requestedBy }: ApprovalDetails): [string, string][] {
  const people = space.names
    .members()
    .filter(({ role }) => role !== "viewer")
    .map(({ userId, email }): [string, string] => [userId, printable(email ?? "a person")]);
  const agents = [...space.agents.all()]
    .filter((life) => life.scopes.includes("approval:decide"))
    .filter((life) => space.agents.conditionAt(life, second.peek()) === "running")
    .map(({ id, name }): [string, string] => [id, `${printable(name)} (agent)`]);
  return [...people, ...agents].filter(([id]) => id !== space.me.userId && id !== requestedBy);
}
