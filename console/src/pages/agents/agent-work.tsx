import type { JobInfo } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";

/** Of the newest jobs of the tenant, those that it holds or has held. */
export function AgentWork({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind }) => kind === "job");
  const jobs = useLoaded(() => space.mayfly.jobs.list({ limit: 500 }), [id, count]);
  if (!space.may("job:read")) return null;
  return (
    <Panel title="Jobs and runs" hint="of the newest 500 of the tenant">
      <Show of={jobs}>
        {(all) => {
          const own = all.filter(({ holder }) => holder === id);
          return own.length === 0 ? (
            <Empty title="It has done no job." />
          ) : (
            <Table<JobInfo>
              label="Jobs"
              rows={own}
              keyOf={(job) => job.id}
              columns={[
                { title: "Job", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
                { title: "Status", cell: ({ status }) => <Status of={status} /> },
                {
                  title: "Took",
                  cell: ({ startedAt, finishedAt }) =>
                    startedAt && finishedAt
                      ? duration(finishedAt.getTime() - startedAt.getTime())
                      : "–",
                  number: true,
                },
                {
                  title: "Error",
                  cell: ({ error }) => <bdi class="muted">{oneLine(error?.message ?? "", 80)}</bdi>,
                  wide: true,
                },
                { title: "Added", cell: ({ createdAt }) => <Ago at={createdAt} /> },
              ]}
            />
          );
        }}
      </Show>
    </Panel>
  );
}
