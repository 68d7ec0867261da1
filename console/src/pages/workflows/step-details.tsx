import type { GraphStep } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { Status } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { type Fact, Facts, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { JobTitle } from "../jobs/titles.tsx";
import type { Standing } from "./standing.ts";

/** A step's declaration. For a run, also its jobs and its result. */
export function StepDetails(props: {
  name: string;
  step: GraphStep;
  standing: Standing | undefined;
  onClose(): void;
}) {
  const { name, step, standing } = props;
  return (
    <Panel
      title={`Step ${oneLine(name, 60)}`}
      actions={
        <button type="button" class="button small" onClick={props.onClose}>
          Close
        </button>
      }
    >
      <Facts of={factsOf(step, standing)} />
      {standing && standing.jobs.length > 0 && (
        <Table
          label="Jobs of the step"
          rows={standing.jobs}
          keyOf={({ id }) => id}
          hrefOf={({ id }) => href("jobs", id)}
          columns={[
            {
              title: "Job",
              cell: ({ name: job, key }) => (
                <>
                  <JobTitle name={job} />{" "}
                  <span class="muted">{printable(/\[\d+\]$/.exec(key ?? "")?.[0] ?? "")}</span>
                </>
              ),
            },
            { title: "Status", cell: ({ status }) => <Status of={status} /> },
          ]}
        />
      )}
      {standing?.status === "succeeded" && (
        <div class="panel-body">
          <strong>Result</strong>
          <Json value={standing.result} open={2} />
        </div>
      )}
    </Panel>
  );
}

function factsOf(step: GraphStep, standing?: Standing): Fact[] {
  const { needs = [], optional = [], map, when, job, input, on_failure, options } = step;
  return [
    ["Status", standing && <Status of={standing.status} />],
    ["Took", standing && standing.ms !== null && duration(standing.ms)],
    ["Needs", needs.join(", ") || "nothing: it begins at once"],
    ["Also waits for", optional.join(", ") || undefined],
    ["For each of", map && <code>{printable(map)}</code>],
    ["Only when", when && <code>{printable(when)}</code>],
    ["Runs", job && <code>{printable(job)}</code>],
    ["With", input && <code>{printable(input)}</code>],
    ["If it fails", on_failure === "skip" ? "the run goes on without it" : "the run fails"],
    ["Options", options && <Json value={options} />],
  ];
}
