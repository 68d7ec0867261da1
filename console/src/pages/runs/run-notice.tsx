import type { ListedApproval, RunDetails } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { preview, printable } from "../../parts/text.ts";

/** To find this run's approvals, at most this many waiting approvals of all runs are read. */
const looked = 500;

/** What a run waits for, or why it ended. */
export function RunNotice(props: { space: Space; run: RunDetails; onChange(): void }) {
  const { status, error, agent } = props.run;
  if (error)
    return (
      <p class="run-notice tone-red">
        <b>{printable(error.code)}</b> <bdi>{printable(error.message.slice(0, 2_000))}</bdi>
      </p>
    );
  if (status === "waiting") return <Waits {...props} />;
  if (status === "paused")
    return (
      <p class="run-notice tone-amber">
        It is paused before its next step. Meanwhile it costs nothing.
      </p>
    );
  if (status === "queued")
    return (
      <p class="run-notice tone-blue">
        It waits for a worker that has the agent:{" "}
        <code>agent.work(runAgents({printable(agent)}))</code>
      </p>
    );
  return null;
}

function Waits({ space, run, onChange }: { space: Space; run: RunDetails; onChange(): void }) {
  const asked = useLoaded(
    () => space.mayfly.approvals.list({ status: "pending", limit: looked }),
    [run],
  );
  const own = (asked.data ?? []).filter(({ jobId }) => jobId === run.id);
  if (own.length === 0)
    return (
      <p class="run-notice tone-amber">
        It waits, for another agent or for a provider to come back. Waiting costs nothing.
      </p>
    );
  return (
    <>
      {own.map((approval) => (
        <Asked key={approval.id} space={space} approval={approval} onChange={onChange} />
      ))}
    </>
  );
}

/** An approval that the run waits for. Anyone who may decide the approval can decide it here. */
function Asked(props: { space: Space; approval: ListedApproval; onChange(): void }) {
  const { space, approval, onChange } = props;
  const { approvals } = space.mayfly;
  const title = <b>{printable(approval.title)}</b>;
  return (
    <div class="run-notice tone-amber">
      <span>
        It waits until somebody approves <a href={href("approvals", approval.id)}>{title}</a>{" "}
        <bdi>{preview(approval.input, 200)}</bdi>
      </span>
      {approval.decidable && (
        <span class="actions">
          <Action
            label="Approve"
            tone="primary"
            scope="approval:decide"
            done="Approved"
            run={() => approvals.approve(approval)}
            after={onChange}
          />
          <Action
            label="Reject"
            tone="danger"
            scope="approval:decide"
            done="Rejected"
            run={() => approvals.reject(approval)}
            after={onChange}
          />
        </span>
      )}
    </div>
  );
}
