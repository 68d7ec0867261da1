import type { JobInfo, JobStatus, QueueStatistics } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { AttributeLinks, inList } from "../../parts/attributes.tsx";
import { Status } from "../../parts/badge.tsx";
import { type Chip, Chips } from "../../parts/chips.tsx";
import { Show } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { pickColumn, usePicks } from "../../parts/pick.tsx";
import { NoneWith, Search, soughtNow, useSought } from "../../parts/search.tsx";
import { Select } from "../../parts/select.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { Times, timesKey, timesOf } from "../../parts/times.tsx";
import { Views } from "../../parts/views.tsx";
import { DeadLetters } from "./dead-letters.tsx";
import { hasEnded, isWork } from "./job-actions.tsx";
import { JobTitle, sayWaits } from "./titles.tsx";

const views: readonly (Chip & { status: JobStatus[] })[] = [
  { key: "all", title: "All", status: [], tone: "violet" },
  { key: "ready", title: "Ready", status: ["ready"], tone: "blue" },
  { key: "running", title: "Running", status: ["running"], tone: "green" },
  { key: "waiting", title: "Waiting", status: ["waiting", "scheduled"], tone: "amber" },
  { key: "failed", title: "Failed", status: ["failed"], tone: "red" },
  { key: "succeeded", title: "Succeeded", status: ["succeeded"], tone: "green" },
  { key: "cancelled", title: "Cancelled", status: ["cancelled"], tone: "gray" },
];
const [atFirst, most] = [200, 1_000];

/** The newest jobs, by status, queue, time and text. These filters are in the address. */
export function JobList({ space, queues }: { space: Space; queues: QueueStatistics[] }) {
  const { query } = route.value;
  const [limit, setLimit] = useState(atFirst);
  const view = views.find(({ key }) => key === query.get("status")) ?? views[0];
  const { key: name = "all", status = [] } = view ?? {};
  const queue = query.get("queue") ?? "";
  const picks = usePicks();
  const { sought, where, containing } = useSought();
  const jobs = useLive(
    space,
    async () => {
      const answer = await space.mayfly.jobs.list({
        ...{ limit, where, ...timesOf(query, containing) },
        ...(status.length > 0 && { status }),
        ...(queue && { queue }),
        ...(containing && { containing }),
      });
      return answer.error ? answer : { data: { all: answer.data, sought }, error: null };
    },
    {
      on: [name, queue, limit, sought, timesKey(query)],
      concerns: isWork,
      goesOn: ({ all }) => !all.every(hasEnded),
    },
  );
  // Until a new search has its answer, the results of the old search are shown. No action may use
  // those results.
  const isCurrent = jobs.data?.sought === soughtNow();
  return (
    <div class="stack">
      <div class="controls">
        <div class="controls-row">
          <Search label="Find jobs" placeholder="Name, input, error, customer:acme  ( / )" />
          <Select
            label="Queue"
            value={queue}
            options={[
              ["", "All queues"],
              ...[...new Set([...queues.map((one) => one.queue), ...(queue ? [queue] : [])])].map(
                (one): [string, string] => [one, printable(one)],
              ),
            ]}
            onChange={(to) => setQuery({ queue: to })}
          />
          <Times sought={containing} />
          {name === "failed" && isCurrent && (
            <DeadLetters
              space={space}
              queue={queue}
              found={jobs.data?.all ?? []}
              picks={picks}
              onDone={jobs.reload}
            />
          )}
        </div>
        <Chips
          label="Status"
          of={views}
          isOn={(key) => key === view?.key}
          onPick={(key) => setQuery({ status: key === "all" ? null : key })}
        />
        <Views />
      </div>
      <Show of={jobs}>
        {({ all: found }) => {
          const isAll = name === "all" && !sought && !queue && timesKey(query) === "";
          const pickable = [...columns, pickColumn(picks, found, pickLabel)];
          return (
            <Panel title={plural(found.length, "job")} hint="the newest first">
              {found.length === 0 ? (
                <None isAll={isAll} view={name} where={where} />
              ) : (
                <Table
                  label="Jobs"
                  columns={name === "failed" && space.may("job:admin") ? pickable : columns}
                  rows={found}
                  keyOf={({ id }) => id}
                  hrefOf={({ id }) => href("jobs", id)}
                />
              )}
              {found.length === limit && limit < most && (
                <button type="button" class="more more-wide" onClick={() => setLimit(most)}>
                  Load older jobs
                </button>
              )}
            </Panel>
          );
        }}
      </Show>
    </div>
  );
}

function None({ isAll, view, where }: { isAll: boolean; view: string; where: string }) {
  if (isAll)
    return (
      <Empty title="There is no job yet.">
        <p>
          Add one here, or in a program:{" "}
          <code>
            mayfly.jobs.add("summarise", {"{"} url {"}"})
          </code>
        </p>
      </Empty>
    );
  if (view === "failed" && where === "")
    return (
      <Empty title="No job has failed.">
        Jobs that fail in their last attempt come here, to be redriven or discarded.
      </Empty>
    );
  return (
    <Empty title="No job matches.">
      <p>Choose another status, queue or time, or use a shorter search.</p>
      <NoneWith where={where} />
    </Empty>
  );
}

const pickLabel = ({ name, id }: JobInfo) => `Pick ${printable(name)} ${id.slice(-6)}`;

const several = <span title="Several attempts: its page shows each of them.">–</span>;

/**
 * How long the job waited for a worker. The list has the times of the last attempt only. The job's
 * page has those of all attempts.
 */
const queued = ({ createdAt, runAt, startedAt, attempt }: JobInfo) => {
  if (attempt > 1) return several;
  if (!startedAt) return "–";
  // A job that waits for a signal alone is due at no time.
  const due = Number.isNaN(runAt.getTime()) ? 0 : runAt.getTime();
  const ms = startedAt.getTime() - Math.max(createdAt.getTime(), due);
  return ms < 0 ? "–" : duration(ms);
};

const worked = ({ startedAt, finishedAt, attempt }: JobInfo) => {
  if (attempt > 1) return several;
  return startedAt && finishedAt ? duration(finishedAt.getTime() - startedAt.getTime()) : "–";
};

export const columns: Column<JobInfo>[] = [
  { title: "Job", cell: ({ name }) => <JobTitle name={name} /> },
  {
    title: "Status",
    cell: ({ status, cancelled }) => <Status of={cancelled ? "cancelling" : status} />,
  },
  {
    title: "About",
    cell: (job) => (
      <>
        <bdi class="muted">{aboutOf(job)}</bdi>{" "}
        {job.attributes && <AttributeLinks of={job.attributes} page="jobs" most={inList} />}
      </>
    ),
    text: true,
    wide: true,
  },
  { title: "Queue", cell: ({ queue }) => <bdi class="muted">{printable(queue)}</bdi>, wide: true },
  {
    title: "Attempt",
    cell: ({ attempt, maxAttempts }) => `${attempt} of ${maxAttempts}`,
    number: true,
    wide: true,
  },
  {
    title: "Worker",
    cell: ({ holder }) => (holder ? <Name id={holder} /> : <span class="muted">–</span>),
    wide: true,
  },
  { title: "In the queue", cell: queued, number: true, wide: true },
  { title: "At work", cell: worked, number: true, wide: true },
  { title: "Added", cell: ({ createdAt }) => <Ago at={createdAt} /> },
];

/** Why it failed, what it waits for, or its key. */
function aboutOf({ error, waitFor, status, runAt, key, parentId }: JobInfo): string {
  if (error && status !== "succeeded") return oneLine(error.message, 70);
  if (waitFor && waitFor.length > 0) return `waits for ${sayWaits(waitFor)}`;
  if (status === "scheduled") return `due in ${duration(runAt.getTime() - Date.now())}`;
  // A child's key consists of its parent's id and its step, which the title already shows.
  return key && !parentId ? oneLine(key, 60) : "";
}
