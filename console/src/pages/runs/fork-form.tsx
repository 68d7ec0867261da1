import type { RunDetails } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form, parseJson } from "../../parts/form.tsx";
import { printable } from "../../parts/text.ts";

/**
 * Starts a fork: a run that shares the steps of this run before a chosen step, and continues with
 * the person's changes.
 */
export function ForkForm(props: { space: Space; run: RunDetails; step: number; onClose(): void }) {
  const { space, run, onClose } = props;
  const [step, setStep] = useState(props.step);
  const results = run.tools.filter((tool) => tool.step === step - 1);
  return (
    <Dialog title={`Fork from step ${step}`} onClose={onClose}>
      <Form
        label="Fork"
        done="The fork is started"
        onDone={onClose}
        run={async (field) => {
          const input = field("input");
          const edits: Record<string, unknown> = {};
          for (const { callId, tool, result } of results) {
            const text = field(callId);
            if (text === textOf(result)) continue;
            const value = parseJson(text, `The result of ${printable(tool)}`);
            if (typeof value === "string") return value;
            edits[callId] = value.value;
          }
          const forked = await space.mayfly.runs.fork(run.id, {
            atStep: step,
            ...(input && { input }),
            ...(Object.keys(edits).length > 0 && { edits }),
          });
          if (forked.data) go("runs", forked.data.id);
          return forked;
        }}
      >
        <p class="muted">
          The new run shares what came before this step, thinks again from here, and leaves this one
          as it is.
        </p>
        <label>
          First step to run again
          <select
            class="field"
            value={String(step)}
            onChange={({ currentTarget }) => setStep(Number(currentTarget.value))}
          >
            {Array.from({ length: run.steps + 1 }, (_, at) => at + 1).map((one) => (
              <option key={one} value={one}>
                {one > run.steps ? `${one}, after the last` : one}
              </option>
            ))}
          </select>
        </label>
        <label>
          {step === 1 ? "Another input" : "A message at this step"}
          <textarea
            name="input"
            rows={3}
            placeholder={
              step === 1 ? "Leave empty to keep the same input" : "Leave empty to add no message"
            }
          />
        </label>
        {results.map(({ callId, tool, result }) => (
          <label key={callId}>
            <span>
              What <bdi>{printable(tool)}</bdi> gave, as JSON
            </span>
            <textarea name={callId} rows={4} class="mono" defaultValue={textOf(result)} />
          </label>
        ))}
      </Form>
    </Dialog>
  );
}

const textOf = (result: unknown): string =>
  result === undefined ? "" : JSON.stringify(result, null, 2);
