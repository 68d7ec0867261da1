import type { QueueStatistics } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { sourceOf, useKinds, useKnown } from "../../parts/examples.ts";
import { InputFields } from "../../parts/fields.tsx";
import { Form } from "../../parts/form.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { useInput } from "../../parts/use-input.ts";

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
  const [name, setName] = useState("");
  const kinds = useKinds(space, "job");
  const known = useKnown(space, name);
  const input = useInput(sourceOf(name, known));
  const others = props.queues.filter(({ queue }) => kinds.every((kind) => kind.name !== queue));
  return (
    <Dialog title="Add a job" onClose={onClose}>
      <Form
        label="Add it"
        done="The job is added"
        onDone={onClose}
        run={async (field, form) => {
          const read = input.read(form);
          if (typeof read === "string") return read;
          const [key, delay, priority] = [field("key"), field("delay"), field("priority")];
          const added = await space.mayfly.jobs.add(field("name"), read.value, {
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
          <input
            name="name"
            required
            placeholder="summarise"
            list="job-names"
            onChange={({ currentTarget }) => setName(currentTarget.value.trim())}
          />
          {known.kind?.description && (
            <small class="muted">{printable(known.kind.description)}</small>
          )}
        </label>
        <datalist id="job-names">
          {kinds.map(({ name: one, description }) => (
            <option key={one} value={one}>
              {description ? oneLine(description, 60) : one}
            </option>
          ))}
          {others.map(({ queue }) => (
            <option key={queue} value={queue} />
          ))}
        </datalist>
        <InputFields input={input} placeholder='{ "url": "https://…" }' />
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
