import type { GraphInfo, JobDetails, Result, WorkflowQuery } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { AttributeLinks } from "../../parts/attributes.tsx";
import { Status } from "../../parts/badge.tsx";
import { Bar } from "../../parts/bar.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, type Fact, Facts, Head, Missing, Panel } from "../../parts/panel.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { Traced } from "../../parts/traced.tsx";
import { hasEnded, isWork, JobActions, SignalForm } from "../jobs/job-actions.tsx";
import { Values } from "../jobs/values.tsx";
import { GraphDrawing } from "./graph-drawing.tsx";
import { type History, useHistory } from "./history.ts";
import { runSpans } from "./run-spans.tsx";
import { standingsOf } from "./standing.ts";
import { StepDetails } from "./step-details.tsx";

/** A run: its graph or its steps over time, what it waits for, its input and its result. */
export function OneRun({ space, id }: { space: Space; id: string }) {
  const loaded = useLive(space, () => space.mayfly.workflows.query(id), {
    on: [id],
    concerns: isWork,
    goesOn: (run) => !hasEnded(run),
    isClose: ({ status }) => status === "ready" || status === "running",
  });
  const job = useLoaded(() => space.mayfly.jobs.get(id), [id, loaded.data]);
  const history = useHistory(space, id, [loaded.data]);
  const code = loaded.error?.code;
  if (code === "workflow_unknown" || code === "invalid_request")
    return (
      <Missing title="There is no such run." back={[href("workflows"), "All runs"]}>
        Ended runs are kept as long as the log.
      </Missing>
    );
  return (
    <Show of={loaded}>
      {(run) => (
        <>
          <Head
            title={
              <>
                <bdi>{printable(run.name)}</bdi> <span class="muted">{printable(run.version)}</span>{" "}
                <Status of={run.cancelled ? "cancelling" : run.status} />
              </>
            }
            about={
              <a class="back" href={href("workflows")}>
                All runs
              </a>
            }
          >
            <a class="button" href={href("jobs", id)}>
              As a job
            </a>
            <Copy text={id} label="Id" />
            {job.data && <JobActions space={space} job={job.data} reload={loaded.reload} />}
          </Head>
          <div class="stack">
            <WaitsFor space={space} run={run} />
            {job.data && <Steps space={space} run={run} job={job.data} history={history} />}
          </div>
        </>
      )}
    </Show>
  );
}

function Steps(props: { space: Space; run: WorkflowQuery; job: JobDetails; history: History }) {
  const { space, run, job, history } = props;
  const { checkpoints } = history;
  const { query } = route.value;
  const picked = query.get("step");
  const graph = useLoaded(() => graphOf(space, run.name, run.version), [run.name, run.version]);
  if (!graph.answered) return <div class="skeleton" role="status" aria-label="Loading" />;
  const steps = checkpoints.filter(({ kind }) => kind === "step" || kind === "child").length;
  const about = (
    <Panel title="About">
      <Facts of={factsOf(run)} />
    </Panel>
  );
  if (!graph.data && checkpoints.length === 0 && hasEnded(run))
    return (
      <>
        <Panel title="Steps">
          <Empty title="It has recorded nothing." />
        </Panel>
        <Values of={run} />
        {about}
      </>
    );
  if (!graph.data)
    return (
      <Traced
        title="Steps"
        hint={`${plural(checkpoints.length, "record")}, ${steps} of steps and children`}
        label="Since it started"
        spans={runSpans(run, checkpoints)}
        below={about}
      >
        <Report of={run.report} />
        <Values of={run} />
      </Traced>
    );
  const definition = graph.data.graph;
  const standings = standingsOf(definition, checkpoints, job);
  const ended = [...standings.values()].filter(({ status }) =>
    ["succeeded", "skipped", "failed"].includes(status),
  ).length;
  const step = picked === null ? undefined : definition.steps[picked];
  return (
    <>
      <Panel title="Graph" hint={`${ended} of ${plural(standings.size, "step")} done`}>
        <GraphDrawing
          label={`The run of ${oneLine(run.name, 60)}`}
          graph={definition}
          standings={standings}
          picked={picked}
          onPick={(name) => setQuery({ step: name === picked ? null : name })}
        />
      </Panel>
      {step && picked && (
        <StepDetails
          name={picked}
          step={step}
          standing={standings.get(picked)}
          onClose={() => setQuery({ step: null })}
        />
      )}
      <div class="grid">
        <div class="stack">
          <Values of={run} />
        </div>
        <div class="stack">
          <Report of={run.report} />
          {about}
        </div>
      </div>
    </>
  );
}

/** The graph of a run. A run of code has none, so a graph that is not listed is not asked for. */
async function graphOf(
  { mayfly }: Space,
  name: string,
  version: string,
): Promise<Result<GraphInfo | null>> {
  const { graphs } = mayfly.workflows;
  const listed = await graphs.list({ name });
  if (listed.error) return listed;
  const isListed = listed.data.some((one) => one.version === version);
  return isListed ? graphs.get(name, version) : { data: null, error: null };
}

/** What must happen before the run continues, and what a person can do about it. */
function WaitsFor({ space, run }: { space: Space; run: WorkflowQuery }) {
  const [signals, setSignals] = useState(false);
  const { id, approvals, waitsFor = [], wakesAt, status } = run;
  if (status !== "waiting" && approvals.length === 0) return null;
  const own = waitsFor.filter((name) => !/^(job|approval):/.test(name));
  if (approvals.length === 0 && own.length === 0 && !wakesAt) return null;
  return (
    <Panel title="It waits">
      <ul class="run-waits">
        {approvals.map((approval) => (
          <li key={approval.id}>
            <bdi>{oneLine(approval.title, 120)}</bdi>
            <a class="button small primary" href={href("approvals", approval.id)}>
              {space.may("approval:decide") ? "Decide" : "Look at it"}
            </a>
          </li>
        ))}
        {own.map((name) => (
          <li key={name}>
            <span>
              for the signal <bdi class="mono">{printable(name)}</bdi>
            </span>
            {space.may("job:add") && (
              <button type="button" class="button small" onClick={() => setSignals(true)}>
                Send it
              </button>
            )}
          </li>
        ))}
        {wakesAt && (
          <li>
            <span>
              until it wakes by itself, <Ago at={wakesAt} />
            </span>
          </li>
        )}
      </ul>
      {signals && (
        <SignalForm space={space} id={id} waitsFor={own} onClose={() => setSignals(false)} />
      )}
    </Panel>
  );
}

/** The progress that the run reports. A percentage is shown as a bar. */
function Report({ of }: { of: unknown }) {
  if (of === null) return null;
  const percent =
    typeof of === "object" && "percent" in of && typeof of.percent === "number" ? of.percent : null;
  return (
    <Panel title="Report">
      <div class="panel-body bars">
        {percent !== null && (
          <Bar
            label="Done"
            used={percent}
            most={100}
            unit={(value) => `${Math.round(value)} %`}
            full
          />
        )}
        <Json value={of} open={2} />
      </div>
    </Panel>
  );
}

function factsOf(run: WorkflowQuery): Fact[] {
  const { createdAt, createdBy, finishedAt, holder, key, attempt, children, parentId } = run;
  const { attributes } = run;
  return [
    [
      "Attributes",
      attributes && <AttributeLinks key="attributes" of={attributes} page="workflows" />,
    ],
    ["Started", <Ago key="started" at={createdAt} />],
    ["Started by", <Name key="by" id={createdBy ?? null} />],
    ["Ended", finishedAt && <Ago key="ended" at={finishedAt} />],
    ["Took", finishedAt && duration(+finishedAt - +createdAt)],
    ["Worker", holder ? <Name key="holder" id={holder} /> : "none"],
    ["Attempt", attempt],
    ["Key", key && <bdi key="key">{printable(key)}</bdi>],
    [
      "Children",
      Object.entries(children)
        .map(([status, n]) => `${n} ${status}`)
        .join(", ") || "none",
    ],
    ["Parent", parentId && <a href={href("workflows", parentId)}>the run above it</a>],
  ];
}
