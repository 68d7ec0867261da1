import type { RunInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { sourceOf, useKinds, useKnown } from "../../parts/examples.ts";
import { InputFields } from "../../parts/fields.tsx";
import { Form, parseJson } from "../../parts/form.tsx";
import { printable } from "../../parts/text.ts";
import { useInput } from "../../parts/use-input.ts";

/** A button that opens the form for a new run. */
export function StartRun({ space, known }: { space: Space; known: readonly RunInfo[] }) {
  const [open, setOpen] = useState(false);
  if (!space.may("run:write")) return null;
  return (
    <>
      <button type="button" class="button primary" onClick={() => setOpen(true)}>
        Start a run
      </button>
      {open && <RunForm space={space} known={known} onClose={() => setOpen(false)} />}
    </>
  );
}

/**
 * The form for a new run. Of an agent's definition, the database knows only what workers publish: its
 * description, and the schema of its input. So the form proposes the limits of the agent's last run.
 */
function RunForm(props: { space: Space; known: readonly RunInfo[]; onClose(): void }) {
  const { space, known, onClose } = props;
  const kinds = useKinds(space, "agent");
  const names = [
    ...new Set([...known.map((run) => run.agent), ...kinds.map(({ title }) => title)]),
  ];
  const [picked, setAgent] = useState<string | null>(null);
  const agent = picked ?? names[0] ?? "";
  const { id: lastId, limits = {} } = known.find((run) => run.agent === agent) ?? {};
  const isKnown = lastId !== undefined || kinds.some(({ title }) => title === agent);
  const about = useKnown(space, isKnown ? `run:${agent}` : "", async () => {
    const run = lastId && (await space.mayfly.runs.get(lastId)).data;
    return run ? { input: run.input, from: "as in its last run" } : null;
  });
  const source = sourceOf(`run:${agent}`, about);
  const input = useInput(source);
  const isPlain = !input.shape && !source.schema;
  const limit = (name: keyof typeof limits, title: string, step: string) => (
    <label key={name}>
      {title}
      <input
        key={`${agent} ${name}`}
        name={name}
        type="number"
        min="0"
        step={step}
        defaultValue={limits[name] === undefined ? "" : String(limits[name])}
        placeholder="none"
      />
    </label>
  );
  return (
    <Dialog title="Start a run" onClose={onClose}>
      <Form
        label="Start it"
        onDone={onClose}
        run={async (field, form) => {
          const read = !isPlain
            ? input.read(form)
            : field("as") === "text"
              ? { value: field("input") }
              : parseJson(field("input"), "The input");
          if (typeof read === "string") return read;
          const number = (name: string) => (field(name) ? Number(field(name)) : undefined);
          const [steps, usd, tokens, seconds] = ["steps", "usd", "tokens", "seconds"].map(number);
          const key = field("key");
          const started = await space.mayfly.runs.start(field("agent"), read.value, {
            ...(key && { key }),
            ...(steps !== undefined && { maxSteps: steps }),
            budget: {
              ...(usd !== undefined && { usd }),
              ...(tokens !== undefined && { tokens }),
              ...(seconds !== undefined && { seconds }),
            },
          });
          if (started.data) go("runs", started.data.id);
          return started;
        }}
      >
        <label>
          Agent, of which a worker has the definition
          <input
            name="agent"
            required
            value={agent}
            placeholder="analyst"
            list="run-agents"
            onInput={({ currentTarget }) => setAgent(currentTarget.value)}
          />
          {about.kind?.description && (
            <small class="muted">{printable(about.kind.description)}</small>
          )}
        </label>
        <datalist id="run-agents">
          {names.map((name) => (
            <option key={name} value={name}>
              {printable(name)}
            </option>
          ))}
        </datalist>
        {!isPlain ? (
          <InputFields input={input} placeholder="{}" />
        ) : (
          <label>
            Input
            <textarea name="input" rows={4} required placeholder="Why did order 17 fail?" />
          </label>
        )}
        <div class="form-row">
          {isPlain && (
            <label>
              The input is
              <select class="field" name="as">
                <option value="text">a text</option>
                <option value="json">JSON</option>
              </select>
            </label>
          )}
          <label>
            Key
            <input name="key" placeholder="Optional: starts only one run" />
          </label>
        </div>
        <fieldset class="form-limits">
          <legend>
            Limits
            <span class="muted"> {Object.keys(limits).length > 0 && "as in its last run"}</span>
          </legend>
          {limit("steps", "Steps", "1")}
          {limit("usd", "US dollars", "any")}
          {limit("tokens", "Tokens", "1")}
          {limit("seconds", "Seconds", "any")}
        </fieldset>
      </Form>
    </Dialog>
  );
}
