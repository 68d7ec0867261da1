import type { Schedule } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Status } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Facts, Panel } from "../../parts/panel.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { ScheduleForm, toOptions } from "./schedule-form.tsx";

/** The schedules, which add jobs by a cron line. */
export function ScheduleList({ space }: { space: Space }) {
  const count = useCount(space, ({ kind }) => kind === "job");
  const [edits, setEdits] = useState<Schedule | "new" | null>(null);
  const schedules = useLoaded(() => space.mayfly.jobs.schedules.list(), [count]);
  return (
    <Panel
      title="Schedules"
      actions={
        space.may("job:admin") && (
          <button type="button" class="button small" onClick={() => setEdits("new")}>
            New schedule
          </button>
        )
      }
    >
      <Show of={schedules}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="Nothing is scheduled.">
              <p>
                A schedule adds a job at its times, also while no worker runs:{" "}
                <code>
                  mayfly.jobs.schedules.set("nightly", {"{"} cron: "0 3 * * *", job: "summarise"{" "}
                  {"}"})
                </code>
              </p>
            </Empty>
          ) : (
            <Table
              label="Schedules"
              columns={columns}
              rows={all}
              keyOf={({ name }) => name}
              inside={(schedule) => (
                <Details
                  space={space}
                  schedule={schedule}
                  onEdit={() => setEdits(schedule)}
                  reload={schedules.reload}
                />
              )}
            />
          )
        }
      </Show>
      {edits && (
        <ScheduleForm
          space={space}
          of={edits === "new" ? null : edits}
          onClose={() => setEdits(null)}
          onDone={() => {
            setEdits(null);
            schedules.reload();
          }}
        />
      )}
    </Panel>
  );
}

const columns: Column<Schedule>[] = [
  { title: "Schedule", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
  { title: "State", cell: ({ paused }) => <Status of={paused ? "paused" : "ok"} /> },
  {
    title: "When",
    cell: ({ cron, timeZone }) => (
      <>
        <code>{cron}</code> <span class="muted">{printable(timeZone)}</span>
      </>
    ),
    wide: true,
  },
  { title: "Job", cell: ({ job }) => <bdi>{oneLine(job, 60)}</bdi>, wide: true },
  { title: "Next", cell: ({ nextAt }) => (nextAt ? <Ago at={nextAt} /> : "–") },
  {
    title: "Last",
    cell: ({ lastAt, lastJob }) =>
      lastAt && lastJob ? (
        <a href={href("jobs", lastJob)}>
          <Ago at={lastAt} />
        </a>
      ) : (
        <span class="muted">never</span>
      ),
    wide: true,
  },
];

function Details(props: { space: Space; schedule: Schedule; onEdit(): void; reload(): void }) {
  const { space, schedule, reload } = props;
  const { name, paused, catchUp, overlap, input, options } = schedule;
  const { schedules } = space.mayfly.jobs;
  const missed = { one: "one job for all", all: "a job for each", none: "no job" };
  return (
    <div class="stack">
      <Facts
        of={[
          ["Cron", <code key="cron">{schedule.cron}</code>],
          ["Time zone", printable(schedule.timeZone)],
          ["Adds", <bdi key="job">{printable(schedule.job)}</bdi>],
          ["Missed times", missed[catchUp]],
          ["Overlap", overlap === "skip" ? "skipped while its last job has not ended" : "allowed"],
          ["Input", <Json key="input" value={input} open={2} />],
          [
            "Options",
            Object.keys(options ?? {}).length > 0 && <Json key="options" value={options} />,
          ],
        ]}
      />
      {space.may("job:admin") && (
        <div class="actions">
          <button type="button" class="button" onClick={props.onEdit}>
            Edit
          </button>
          <Action
            label={paused ? "Resume" : "Pause"}
            scope="job:admin"
            run={() => schedules.set(name, { ...toOptions(schedule), paused: !paused })}
            after={reload}
          />
          <Action
            label="Delete"
            tone="danger"
            scope="job:admin"
            confirm={`Delete ${oneLine(name, 60)}? Jobs that it added stay.`}
            run={() => schedules.delete(name)}
            after={reload}
          />
        </div>
      )}
    </div>
  );
}
