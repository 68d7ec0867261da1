import type { JobInfo } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { Show } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { hasEnded, isWork } from "../jobs/job-actions.tsx";
import { columns } from "../jobs/job-list.tsx";

const shown = 50;
/** A column that is about the queue or the worker, and not about what the agent did, is left out. */
const others = ["Worker", "Queue", "Attempt", "In the queue"];
const own = columns.filter(({ title }) => !others.includes(title));

/** The jobs that the agent holds, or held last. */
export function AgentWork({ space, id }: { space: Space; id: string }) {
  const jobs = useLive(space, () => space.mayfly.jobs.list({ holder: id, limit: shown }), {
    on: [id],
    concerns: isWork,
    goesOn: (all) => !all.every(hasEnded),
  });
  return (
    <Panel title="Jobs and runs" hint={`the newest ${shown} that it holds or has held`}>
      <Show of={jobs}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="It has done no job." />
          ) : (
            <Table<JobInfo>
              label="Jobs"
              rows={all}
              keyOf={(job) => job.id}
              hrefOf={({ id: of, name }) => href(name.startsWith("run:") ? "runs" : "jobs", of)}
              columns={own}
            />
          )
        }
      </Show>
    </Panel>
  );
}
