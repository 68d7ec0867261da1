import type { JobDetails } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Form, parseJson } from "../../parts/form.tsx";
import { JsonField } from "../../parts/json-field.tsx";

export const hasEnded = ({ status }: { status: string }) =>
  ["succeeded", "failed", "cancelled"].includes(status);

/** Whether an event may change a job or a run of a workflow. */
export const isWork = ({ kind }: { kind: string }) =>
  kind === "job" || kind === "workflow" || kind === "approval";

/** Without `job:admin`, a person may cancel only their own jobs. */
export const mayCancel = (space: Space, createdBy: string | undefined) =>
  space.may("job:admin") || (space.may("job:add") && createdBy === space.me.userId);

/** The actions for a job, depending on its status and the person's role. */
export function JobActions(props: { space: Space; job: JobDetails; reload(): void }) {
  const { space, job, reload } = props;
  const { jobs } = space.mayfly;
  const [signals, setSignals] = useState(false);
  if (job.status === "failed")
    return (
      <>
        {!job.error?.final && (
          <Action
            label="Redrive"
            tone="primary"
            scope="job:admin"
            done="It is ready again"
            run={() => jobs.redrive({ ids: [job.id] })}
            after={reload}
          />
        )}
        <Action
          label="Discard"
          tone="danger"
          scope="job:admin"
          confirm="Delete this failed job for good?"
          done="It is deleted"
          run={async () => {
            const answer = await jobs.discard({ ids: [job.id] });
            if (!answer.error) go("jobs");
            return answer;
          }}
        />
      </>
    );
  if (hasEnded(job)) return null;
  return (
    <>
      {space.may("job:add") && (
        <button type="button" class="button" onClick={() => setSignals(true)}>
          Signal
        </button>
      )}
      {mayCancel(space, job.createdBy) && !job.cancelled && (
        <Action
          label="Cancel"
          tone="danger"
          confirm="Cancel it with its children? It cannot be undone."
          done={job.status === "running" ? "Its worker is told" : "It is cancelled"}
          run={() => jobs.cancel(job.id)}
          after={reload}
        />
      )}
      {signals && (
        <SignalForm
          space={space}
          id={job.id}
          waitsFor={job.waitFor ?? []}
          onClose={() => setSignals(false)}
        />
      )}
    </>
  );
}

/**
 * Sends a signal to a job or a run. If the job or run does not wait for the signal yet, the signal
 * is kept for it.
 */
export function SignalForm(props: {
  space: Space;
  id: string;
  waitsFor: string[];
  onClose(): void;
}) {
  const { space, id, waitsFor, onClose } = props;
  // Signals of children and approvals are sent automatically.
  const own = waitsFor.filter((name) => !/^(job|approval):/.test(name));
  return (
    <Dialog title="Send a signal" onClose={onClose}>
      <Form
        label="Send"
        done="The signal is sent"
        onDone={onClose}
        run={async (field) => {
          const payload = parseJson(field("payload"), "The payload");
          if (typeof payload === "string") return payload;
          return space.mayfly.jobs.signal(id, field("name"), payload.value);
        }}
      >
        <label>
          Name
          <input name="name" required defaultValue={own[0] ?? ""} list="signals" />
        </label>
        <datalist id="signals">
          {own.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <JsonField name="payload" label="Payload, as JSON" rows={4} placeholder="null" />
      </Form>
    </Dialog>
  );
}
