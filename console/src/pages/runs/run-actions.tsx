import type { RunDetails } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { CompareWith } from "./compare-with.tsx";
import { isOver } from "./totals.ts";

/** The actions for a run, depending on its status and the person's role. */
export function RunActions(props: { space: Space; run: RunDetails; onChange(): void }) {
  const { space, run, onChange } = props;
  const { runs } = space.mayfly;
  const { id, status, createdBy } = run;
  const [compares, setCompares] = useState(false);
  const over = isOver(run);
  // The person who started the run may cancel it. Anyone with `job:admin` may cancel every run.
  const mayCancel =
    space.may("job:admin") || (space.may("job:add") && createdBy === space.me.userId);
  return (
    <>
      <button type="button" class="button" onClick={() => setCompares(true)}>
        Compare
      </button>
      {!over &&
        (status === "paused" ? (
          <Action
            label="Resume"
            scope="run:write"
            done="It continues"
            run={() => runs.resume(id)}
            after={onChange}
          />
        ) : (
          <Action
            label="Pause"
            scope="run:write"
            done="It pauses before its next step"
            run={() => runs.pause(id)}
            after={onChange}
          />
        ))}
      {!over && mayCancel && (
        <Action
          label="Cancel"
          tone="danger"
          confirm="Cancel this run, and the runs for which it waits?"
          done="It is cancelled"
          run={() => runs.cancel(id)}
          after={onChange}
        />
      )}
      {compares && <CompareWith space={space} run={run} onClose={() => setCompares(false)} />}
    </>
  );
}
