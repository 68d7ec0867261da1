import type { RunInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { InputFields, readInput, shapeOf } from "../../parts/fields.tsx";
import { Form } from "../../parts/form.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { printable } from "../../parts/text.ts";

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
 * The form for a new run. The database does not know an agent's definition, because it is part of
 * the code of the workers. So the form proposes the limits of the agent's last run.
 */
function RunForm(props: { space: Space; known: readonly RunInfo[]; onClose(): void }) {
  const { space, known, onClose } = props;
  const names = [...new Set(known.map(({ agent }) => agent))];
  const [agent, setAgent] = useState(names[0] ?? "");
  const { id: lastId, limits = {} } = known.find((run) => run.agent === agent) ?? {};
  const last = useLoaded<unknown>(async () => {
    const run = lastId && (await space.mayfly.runs.get(lastId)).data;
    return { data: run ? run.input : null, error: null };
  }, [lastId]);
  const shape = shapeOf(last.data);
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
          const input = field("as") === "text" ? { value: field("input") } : readInput(form);
          if (typeof input === "string") return input;
          const number = (name: string) => (field(name) ? Number(field(name)) : undefined);
          const [steps, usd, tokens, seconds] = ["steps", "usd", "tokens", "seconds"].map(number);
          const key = field("key");
          const started = await space.mayfly.runs.start(field("agent"), input.value, {
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
        </label>
        <datalist id="run-agents">
          {names.map((name) => (
            <option key={name} value={name}>
              {printable(name)}
            </option>
          ))}
        </datalist>
        {shape ? (
          <InputFields shape={shape} hint="as in its last run" placeholder="{}" />
        ) : (
          <label>
            Input
            <textarea name="input" rows={4} required placeholder="Why did order 17 fail?" />
          </label>
        )}
        <div class="form-row">
          {!shape && (
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
