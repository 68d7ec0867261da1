import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { sourceOf, useKinds, useKnown } from "../../parts/examples.ts";
import { InputFields } from "../../parts/fields.tsx";
import { Form } from "../../parts/form.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { useInput } from "../../parts/use-input.ts";

/** The form for a run of a workflow. */
export function StartWorkflow(props: {
  space: Space;
  name: string;
  version: string;
  /** The parts of the input that the steps of a graph name. */
  named?: Record<string, unknown> | null;
  /** A choice of the workflow, above the input. */
  children?: ComponentChildren;
  onClose(): void;
}) {
  const { space, name, version, named, onClose } = props;
  const job = `workflow:${name}:${version}`;
  const known = useKnown(space, job);
  const template = named && {
    value: named,
    from: "with the parts of the input that the steps name",
  };
  const source = sourceOf(job, known);
  const input = useInput({ ...source, template: source.template ?? template ?? null });
  return (
    <Dialog title={`Start ${oneLine(name, 60)} ${oneLine(version, 20)}`} onClose={onClose}>
      <Form
        label="Start"
        done="The run is started"
        onDone={onClose}
        run={async (field, form) => {
          const read = input.read(form);
          if (typeof read === "string") return read;
          const workflow = { name, version, job, input: undefined };
          const key = field("key");
          const options = key ? { key } : {};
          const started = await space.mayfly.workflows.start(workflow, read.value, options);
          if (started.data) go("workflows", started.data.id);
          return started;
        }}
      >
        {props.children}
        {known.kind?.description && <p class="muted">{printable(known.kind.description)}</p>}
        <InputFields input={input} placeholder='{ "urls": [] }' />
        <label>
          Key: with the same key, there is only one run
          <input name="key" />
        </label>
      </Form>
    </Dialog>
  );
}

/** A button that starts one of the workflows that workers have published. Without any, there is no button. */
export function StartPublished({ space }: { space: Space }) {
  const kinds = useKinds(space, "workflow");
  const [open, setOpen] = useState(false);
  const [picked, setPicked] = useState<string | null>(null);
  const kind = kinds.find(({ name }) => name === picked) ?? kinds[0];
  if (!space.may("job:add") || !kind) return null;
  return (
    <>
      <button type="button" class="button primary" onClick={() => setOpen(true)}>
        Start a run
      </button>
      {open && (
        <StartWorkflow
          space={space}
          name={kind.title}
          version={kind.version ?? "1"}
          onClose={() => setOpen(false)}
        >
          <label>
            Workflow
            <select class="field" onChange={({ currentTarget }) => setPicked(currentTarget.value)}>
              {kinds.map(({ name, title, version }) => (
                <option key={name} value={name} selected={name === kind.name}>
                  {printable(`${title} ${version}`)}
                </option>
              ))}
            </select>
          </label>
        </StartWorkflow>
      )}
    </>
  );
}
