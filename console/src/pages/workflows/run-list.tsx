import type { JobStatus, WorkflowInfo } from "@mayfly/sdk";
import { href, route, setQuery } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { attributesColumn } from "../../parts/attributes.tsx";
import { Status } from "../../parts/badge.tsx";
import { type Chip, Chips } from "../../parts/chips.tsx";
import { Show } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { NoneWith, Search, useSought } from "../../parts/search.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { Times, timesKey, timesOf } from "../../parts/times.tsx";
import { Views } from "../../parts/views.tsx";
import { hasEnded, isWork } from "../jobs/job-actions.tsx";
import { sayWaits } from "../jobs/titles.tsx";

const views: readonly (Chip & { status: JobStatus[] })[] = [
  { key: "all", title: "All", status: [], tone: "violet" },
  { key: "running", title: "Running", status: ["running", "ready"], tone: "green" },
  { key: "waiting", title: "Waiting", status: ["waiting", "scheduled"], tone: "amber" },
  { key: "failed", title: "Failed", status: ["failed"], tone: "red" },
  { key: "succeeded", title: "Succeeded", status: ["succeeded"], tone: "green" },
  { key: "cancelled", title: "Cancelled", status: ["cancelled"], tone: "gray" },
];
const shown = 500;

/** The newest runs, by status, time, attributes and name. */
export function RunList({ space }: { space: Space }) {
  const { query } = route.value;
  const view = views.find(({ key }) => key === query.get("status")) ?? views[0];
  const { key: name = "all", status = [] } = view ?? {};
  const { where, containing } = useSought();
  const runs = useLive(
    space,
    () =>
      space.mayfly.workflows.list({
        ...{ limit: shown, where, ...timesOf(query) },
        ...(status.length > 0 && { status }),
      }),
    { on: [name, where, timesKey(query)], concerns: isWork, goesOn: (all) => !all.every(hasEnded) },
  );
  return (
    <div class="stack">
      <div class="controls">
        <div class="controls-row">
          <Search label="Find runs" placeholder="Workflow, key, customer:acme  ( / )" />
          <Times />
        </div>
        <Chips
          label="Status"
          of={views}
          isOn={(key) => key === name}
          onPick={(key) => setQuery({ status: key === "all" ? null : key })}
        />
        <Views />
      </div>
      <Show of={runs}>
        {(all) => {
          const found = all.filter((run) => matches(run, containing.toLowerCase()));
          return (
            <Panel
              title={plural(found.length, "run")}
              hint={all.length === shown ? `of the newest ${shown}` : "the newest first"}
            >
              {found.length > 0 ? (
                <Table
                  label="Runs"
                  columns={columnsOf(found)}
                  rows={found}
                  keyOf={({ id }) => id}
                  hrefOf={({ id }) => href("workflows", id)}
                />
              ) : all.length === 0 && name === "all" && where + timesKey(query) === "" ? (
                <Empty title="No workflow has run yet.">
                  <p>
                    Write one with <code>workflow(name, schema, code)</code> or{" "}
                    <code>graph(name, schema, steps)</code>, serve its handlers, and call{" "}
                    <code>mayfly.workflows.start(publish, input)</code>.
                  </p>
                </Empty>
              ) : (
                <Empty title="No run matches.">
                  <p>Choose another status or time, or use a shorter search.</p>
                  <NoneWith where={where} />
                </Empty>
              )}
            </Panel>
          );
        }}
      </Show>
    </div>
  );
}

const matches = ({ id, name, key, error }: WorkflowInfo, text: string) =>
  text === "" || `${id} ${name} ${key ?? ""} ${error?.message ?? ""}`.toLowerCase().includes(text);

const columnsOf = (rows: readonly WorkflowInfo[]) =>
  columns.flatMap((column) =>
    column.title === "About" ? [column, ...attributesColumn(rows, "workflows")] : column,
  );

const columns: Column<WorkflowInfo>[] = [
  {
    title: "Workflow",
    cell: ({ name, version }) => (
      <>
        <bdi class="name">{printable(name)}</bdi> <small class="muted">{printable(version)}</small>
      </>
    ),
  },
  {
    title: "Status",
    cell: ({ status, cancelled }) => <Status of={cancelled ? "cancelling" : status} />,
  },
  {
    title: "About",
    cell: (run) => <bdi class="muted">{aboutOf(run)}</bdi>,
    text: true,
    wide: true,
  },
  {
    title: "Worker",
    cell: ({ holder }) => (holder ? <Name id={holder} /> : <span class="muted">–</span>),
    wide: true,
  },
  {
    title: "For",
    cell: ({ createdAt, finishedAt }) =>
      duration((finishedAt?.getTime() ?? second.peek()) - createdAt.getTime()),
    number: true,
    wide: true,
  },
  { title: "Started", cell: ({ createdAt }) => <Ago at={createdAt} /> },
];

/** Why it failed, what it waits for, or its key. */
function aboutOf({ error, waitsFor, status, key, wakesAt }: WorkflowInfo): string {
  if (error && status !== "succeeded") return oneLine(error.message, 70);
  if (waitsFor && waitsFor.length > 0) return `waits for ${sayWaits(waitsFor)}`;
  if (wakesAt && status === "waiting") return `sleeps for ${duration(+wakesAt - second.peek())}`;
  return key ? oneLine(key, 60) : "";
}
