import type { QueueStatistics } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form, parseJson } from "../../parts/form.tsx";

/** A button that opens the form for a new job. */
export function AddJob({ space, queues }: { space: Space; queues: QueueStatistics[] }) {
  const [open, setOpen] = useState(false);
  if (!space.may("job:add")) return null;
  return (
    <>
      <button type="button" class="button primary" onClick={() => setOpen(true)}>
        Add a job
      </button>
      {open && <JobForm space={space} queues={queues} onClose={() => setOpen(false)} />}
    </>
  );
}

function JobForm(props: { space: Space; queues: QueueStatistics[]; onClose(): void }) {
  const { space, onClose } = props;
  return (
    <Dialog title="Add a job" onClose={onClose}>
      <Form
        label="Add it"
        done="The job is added"
        onDone={onClose}
        run={async (field) => {
          const input = parseJson(field("input"), "The input");
          if (typeof input === "string") return input;
          const [key, delay, priority] = [field("key"), field("delay"), field("priority")];
          const added = await space.mayfly.jobs.add(field("name"), input.value, {
            ...(key && { key }),
            ...(delay && { delay }),
            ...(priority && { priority: Number(priority) }),
          });
          if (added.data) go("jobs", added.data.id);
          return added;
        }}
      >
        <label>
          Name: workers with a handler for it do it
          <input name="name" required placeholder="summarise" list="job-names" />
        </label>
        <datalist id="job-names">
          {props.queues.map(({ queue }) => (
            <option key={queue} value={queue} />
          ))}
        </datalist>
        <label>
          Input, as JSON
          <textarea name="input" class="mono" rows={5} placeholder='{ "url": "https://…" }' />
        </label>
        <div class="form-row thirds">
          <label>
            Key
            <input name="key" placeholder="added once" />
          </label>
          <label>
            Delay
            <input name="delay" placeholder="10m" />
          </label>
          <label>
            Priority
            <input name="priority" type="number" step="1" placeholder="0" />
          </label>
        </div>
      </Form>
    </Dialog>
  );
}
