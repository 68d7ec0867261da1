import type { JobDetails } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { AttributeLinks } from "../../parts/attributes.tsx";
import { Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Show } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { type Fact, Facts, Head, Missing, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { plural, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { Traced } from "../../parts/traced.tsx";
import { hasEnded, isWork, JobActions } from "./job-actions.tsx";
import { spansOf, timesOf } from "./job-spans.tsx";
import { JobTitle } from "./titles.tsx";
import { Values } from "./values.tsx";

/** A job: where its time went, its input and its result. */
export function OneJob({ space, id }: { space: Space; id: string }) {
  const loaded = useLive(space, () => space.mayfly.jobs.get(id), {
    on: [id],
    concerns: isWork,
    goesOn: (job) => !hasEnded(job),
    isClose: ({ status }) => status === "ready" || status === "running",
  });
  if (loaded.error?.code === "job_unknown" || loaded.error?.code === "invalid_request")
    return (
      <Missing title="There is no such job." back={[href("jobs"), "All jobs"]}>
        Ended jobs are kept as long as the log. A discarded one is gone at once.
      </Missing>
    );
  return (
    <Show of={loaded}>{(job) => <Body space={space} job={job} reload={loaded.reload} />}</Show>
  );
}

function Body({ space, job, reload }: { space: Space; job: JobDetails; reload(): void }) {
  const { id, name, status, cancelled, steps, children } = job;
  return (
    <>
      <Head
        title={
          <>
            <JobTitle name={name} /> <Status of={cancelled ? "cancelling" : status} />
          </>
        }
        about={
          <a href={href("jobs")} class="back">
            All jobs
          </a>
        }
      >
        {name.startsWith("workflow:") && (
          <a class="button" href={href("workflows", id)}>
            As a workflow
          </a>
        )}
        {name.startsWith("run:") && (
          <a class="button" href={href("runs", id)}>
            As a run
          </a>
        )}
        <Copy text={id} label="Id" />
        <JobActions space={space} job={job} reload={reload} />
      </Head>
      <Traced
        title="Where its time went"
        hint={steps.length === 0 ? "no step recorded" : plural(steps.length, "recorded step")}
        label="Since it was added"
        spans={spansOf(job)}
        below={
          children.length > 0 && (
            <Panel title="Children" hint={plural(children.length, "job")}>
              <Table
                label="Children"
                rows={children}
                keyOf={(child) => child.id}
                hrefOf={(child) => href("jobs", child.id)}
                columns={[
                  { title: "Job", cell: (child) => <JobTitle name={child.name} /> },
                  { title: "Status", cell: (child) => <Status of={child.status} /> },
                ]}
              />
            </Panel>
          )
        }
      >
        <Values of={job} />
        <Panel title="About">
          <Facts of={factsOf(job)} />
        </Panel>
      </Traced>
    </>
  );
}

const ago = (at: Date | undefined) => at && <Ago key={at.getTime()} at={at} />;

function factsOf(job: JobDetails): Fact[] {
  const { queue, key, priority, attempt, maxAttempts, holder, createdBy, createdAt } = job;
  const { startedAt, finishedAt, runAt, timeout, parentId, signals } = job;
  const times = timesOf(job, second.value);
  const ofQueue = (
    <a href={`${href("jobs")}?queue=${encodeURIComponent(queue)}`}>
      <bdi>{printable(queue)}</bdi>
    </a>
  );
  const parent = parentId ? <a href={href("jobs", parentId)}>the job above it</a> : null;
  return [
    ["Attributes", job.attributes && <AttributeLinks of={job.attributes} page="jobs" />],
    ["Queue", ofQueue],
    ["Attempt", `${attempt} of ${maxAttempts}`],
    ["Priority", priority],
    ["Key", key && <bdi key="key">{printable(key)}</bdi>],
    ["Worker", holder ? <Name id={holder} /> : "none"],
    ["Added", ago(createdAt)],
    ["Added by", <Name key="by" id={createdBy ?? null} />],
    ["Due", job.status === "scheduled" && ago(runAt)],
    ["Started", ago(startedAt)],
    ["Ended", ago(finishedAt)],
    ["In the queue", duration(times.queuedMs)],
    ["At work", duration(times.workedMs)],
    ["Timeout", timeout && duration(timeout * 1_000)],
    ["Parent", parent],
    ["Signals kept", signals.map(({ name }) => printable(name)).join(", ") || null],
  ];
}
