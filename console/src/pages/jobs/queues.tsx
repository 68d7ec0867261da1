import type { QueueStatistics } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Status } from "../../parts/badge.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { type Loaded, Show } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";

/** Each queue with its jobs, how long they take, and its limits. */
export function Queues({ space, queues }: { space: Space; queues: Loaded<QueueStatistics[]> }) {
  const [edits, setEdits] = useState<QueueStatistics | null>(null);
  return (
    <Panel title="Queues" hint="waits and runs of the past hour">
      <Show of={queues}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="There is no queue yet.">
              A queue is created with its first job. By default, it has the name of the job.
            </Empty>
          ) : (
            <Table
              label="Queues"
              columns={columnsOf(space, queues.reload, setEdits)}
              rows={all}
              keyOf={({ queue }) => queue}
            />
          )
        }
      </Show>
      {edits && (
        <Limits
          space={space}
          of={edits}
          onClose={() => setEdits(null)}
          onDone={() => {
            setEdits(null);
            queues.reload();
          }}
        />
      )}
    </Panel>
  );
}

const ms = (value: number | null) => (value === null ? "–" : duration(value));

function columnsOf(
  space: Space,
  reload: () => void,
  edit: (queue: QueueStatistics) => void,
): Column<QueueStatistics>[] {
  const pause = ({ queue, limits }: QueueStatistics, paused: boolean) =>
    space.mayfly.jobs.setQueue(queue, { ...limits, paused });
  return [
    {
      title: "Queue",
      cell: ({ queue }) => (
        <a class="name" href={`${href("jobs")}?queue=${encodeURIComponent(queue)}`}>
          <bdi>{printable(queue)}</bdi>
        </a>
      ),
    },
    {
      title: "State",
      cell: ({ limits }) => <Status of={limits.paused ? "paused" : "ok"} />,
      wide: true,
    },
    { title: "Ready", cell: ({ ready }) => ready, number: true },
    { title: "Running", cell: ({ running }) => running, number: true },
    {
      title: "Waiting",
      cell: ({ waiting, scheduled }) => waiting + scheduled,
      number: true,
      wide: true,
    },
    {
      title: "Oldest ready",
      cell: ({ oldestReady }) => (oldestReady ? <Ago at={oldestReady} /> : "–"),
      wide: true,
    },
    {
      title: "Wait p50 / p95",
      cell: ({ wait }) => `${ms(wait.p50)} / ${ms(wait.p95)}`,
      number: true,
      wide: true,
    },
    {
      title: "Run p50 / p95",
      cell: ({ run }) => `${ms(run.p50)} / ${ms(run.p95)}`,
      number: true,
      wide: true,
    },
    {
      title: "Failed",
      cell: ({ failed }) => (failed > 0 ? <b class="tone-red toned">{failed}</b> : 0),
      number: true,
      wide: true,
    },
    {
      title: "Limits",
      cell: (queue) =>
        space.may("job:admin") ? (
          <button
            type="button"
            class="link-button"
            aria-label={`Limits of ${oneLine(queue.queue, 60)}: ${sayLimits(queue.limits)}`}
            onClick={() => edit(queue)}
          >
            {sayLimits(queue.limits)}
          </button>
        ) : (
          <span class="muted">{sayLimits(queue.limits)}</span>
        ),
      wide: true,
    },
    ...(space.may("job:admin")
      ? [
          {
            title: "",
            cell: (queue: QueueStatistics) => (
              <span class="actions row-actions">
                <Action
                  label={queue.limits.paused ? "Resume" : "Pause"}
                  scope="job:admin"
                  {...(!queue.limits.paused && {
                    confirm: `Start no job of ${oneLine(queue.queue, 60)}?`,
                  })}
                  run={() => pause(queue, !queue.limits.paused)}
                  after={reload}
                />
              </span>
            ),
          },
        ]
      : []),
  ];
}

function sayLimits(limits: QueueStatistics["limits"]): string {
  const { maxRunning, maxRunningPerGroup, rate, weight } = limits;
  const said = [
    ...(maxRunning ? [`${maxRunning} at once`] : []),
    ...(maxRunningPerGroup ? [`${maxRunningPerGroup} of a group`] : []),
    ...(rate ? [`${rate} a second`] : []),
    ...(weight ? [`weight ${weight}`] : []),
  ];
  return said.join(", ") || "none";
}

const fields = [
  ["maxRunning", "How many may run at once"],
  ["maxRunningPerGroup", "How many of one group"],
  ["rate", "How many may start in a second"],
  ["weight", "Its share relative to other queues, 1 to 100"],
] as const;

function Limits(props: { space: Space; of: QueueStatistics; onClose(): void; onDone(): void }) {
  const { queue, limits } = props.of;
  return (
    <Dialog title={`Limits of ${oneLine(queue, 60)}`} onClose={props.onClose}>
      <Form
        label="Set the limits"
        done={`The limits of ${oneLine(queue, 60)} are set`}
        onDone={props.onDone}
        run={(of) => {
          const given = fields.flatMap(([name]) => (of(name) ? [[name, Number(of(name))]] : []));
          const paused = limits.paused ? { paused: true } : {};
          return props.space.mayfly.jobs.setQueue(queue, {
            ...paused,
            ...Object.fromEntries(given),
          });
        }}
      >
        {fields.map(([name, says]) => (
          <label key={name}>
            {says}
            <input
              name={name}
              type="number"
              min={name === "rate" ? "0.001" : "1"}
              step={name === "rate" ? "any" : "1"}
              placeholder={name === "weight" ? "1" : "no limit"}
              defaultValue={limits[name] === undefined ? "" : String(limits[name])}
            />
          </label>
        ))}
      </Form>
    </Dialog>
  );
}
