import type { DeadJobs, JobInfo } from "@mayfly/sdk";
import { route } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import type { Picks } from "../../parts/pick.tsx";
import { searched } from "../../parts/search.tsx";
import { oneLine, plural } from "../../parts/text.ts";
import { timesKey } from "../../parts/times.tsx";

/**
 * Redrives or discards failed jobs, which the documentation also calls dead letters. If jobs are
 * picked, it does this only with those. If none are picked, but there is a search or a chosen span
 * of time, it does this with the jobs that were found. Otherwise, it does this with all failed jobs
 * of the queue, or of all queues.
 */
export function DeadLetters(props: {
  space: Space;
  queue: string;
  found: readonly JobInfo[];
  picks: Picks;
  onDone(): void;
}) {
  const { queue, found, picks } = props;
  const isAll = searched() === "" && timesKey(route.value.query) === "";
  const { jobs } = props.space.mayfly;
  const shown = new Map(found.map((job) => [job.id, job]));
  const picked = picks.ids.filter((id) => shown.has(id));
  const some = picked.length > 0 ? picked : isAll ? null : [...shown.keys()];
  if (some?.length === 0) return null;
  const of: DeadJobs = some ? { ids: some } : queue ? { queue } : {};
  // A redrive that names a final job is refused as a whole. If it names none, it leaves them out by itself.
  const again = some?.filter((id) => !shown.get(id)?.error?.final);
  const final = (some?.length ?? 0) - (again?.length ?? 0);
  const where = some ? "" : queue ? ` of ${oneLine(queue, 60)}` : " of all queues";
  const which = some ? `these ${plural(some.length, "failed job")}` : `the failed jobs${where}`;
  const after = () => {
    picks.set([]);
    props.onDone();
  };
  const many = (ids: readonly string[] | null | undefined) => ids?.length ?? "all";
  const whichAgain = again ? `these ${plural(again.length, "failed job")}` : which;
  return (
    <>
      {again?.length !== 0 && (
        <Action
          label={`Redrive ${many(again)}`}
          scope="job:admin"
          confirm={[
            `Make ${whichAgain} ready again? They continue after their last recorded step.`,
            ...(final > 0 ? [`${plural(final, "job")} would end in the same way again.`] : []),
          ].join(" ")}
          done="They are ready again"
          run={() => jobs.redrive(again ? { ids: again } : of)}
          after={after}
        />
      )}
      <Action
        label={`Discard ${many(some)}`}
        tone="danger"
        scope="job:admin"
        confirm={`Delete ${which} for good?`}
        done="They are deleted"
        run={() => jobs.discard(of)}
        after={after}
      />
    </>
  );
}
