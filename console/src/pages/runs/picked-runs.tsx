import type { Result, RunInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { say } from "../../parts/notice.tsx";
import type { Picks } from "../../parts/pick.tsx";
import { plural, printable } from "../../parts/text.ts";

/** The buttons for the picked runs: two can be compared, and any number forked. */
export function PickedRuns(props: { space: Space; runs: readonly RunInfo[]; picks: Picks }) {
  const { space, runs, picks } = props;
  const [forks, setForks] = useState(false);
  const picked = picks.ids.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  const [left, right, third] = picked;
  if (!left) return null;
  return (
    <>
      {space.may("run:write") && (
        <button type="button" class="button" onClick={() => setForks(true)}>
          Fork {picked.length}
        </button>
      )}
      <button
        type="button"
        class="button"
        disabled={!right || Boolean(third)}
        onClick={() => right && go("runs", left.id, "with", right.id)}
      >
        {right ? (third ? "Pick two to compare" : "Compare the two") : "Pick another to compare"}
      </button>
      {forks && (
        <ForkMany
          space={space}
          runs={picked}
          onClose={() => setForks(false)}
          onDone={() => picks.set([])}
        />
      )}
    </>
  );
}

/** Forks several runs in the same way, for example all that failed in one incident. */
function ForkMany(props: { space: Space; runs: RunInfo[]; onClose(): void; onDone(): void }) {
  const { space, onClose } = props;
  // The list behind the dialog keeps changing. Only the runs that were shown are forked.
  const [runs] = useState(props.runs);
  return (
    <Dialog title={`Fork ${plural(runs.length, "run")}`} onClose={onClose}>
      <Form
        label={`Fork ${runs.length}`}
        onDone={() => {
          props.onDone();
          onClose();
        }}
        run={(field) => forkAll(space, runs, field("from") === "start", field("input"))}
      >
        <p class="muted">
          Each new run leaves the old one as it is. It has the old one's limits, and costs what its
          new steps cost.
        </p>
        <ul class="forked-runs">
          {runs.map(({ id, agent, about = "" }) => (
            <li key={id}>
              <bdi>
                {printable(agent)} <span class="muted">{printable(about.slice(0, 80))}</span>
              </bdi>
            </li>
          ))}
        </ul>
        <label>
          Run again
          <select class="field" name="from">
            <option value="end">what comes after the last recorded step</option>
            <option value="start">everything, from the first step</option>
          </select>
        </label>
        <label>
          Another input, or a message after the last step
          <textarea
            name="input"
            rows={2}
            placeholder="Leave this empty to keep the input and add no message."
          />
        </label>
      </Form>
    </Dialog>
  );
}

async function forkAll(
  space: Space,
  runs: RunInfo[],
  fromStart: boolean,
  input: string,
): Promise<Result<unknown>> {
  let done = 0;
  for (const { id, agent, steps } of runs) {
    const atStep = fromStart ? 1 : steps + 1;
    const { error } = await space.mayfly.runs.fork(id, { atStep, ...(input && { input }) });
    if (!error) done++;
    else if (runs.length === 1) return { data: null, error };
    else say({ tone: "red", title: `${printable(agent)}: not forked`, error });
  }
  if (done > 0) say({ tone: "green", title: `${plural(done, "fork")} started` });
  return { data: null, error: null };
}
