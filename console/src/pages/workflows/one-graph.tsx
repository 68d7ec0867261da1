import { useState } from "preact/hooks";
import { go, href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { inputOf } from "../../parts/examples.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Head, Missing, Panel } from "../../parts/panel.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { GraphDrawing } from "./graph-drawing.tsx";
import { StartWorkflow } from "./start-workflow.tsx";
import { StepDetails } from "./step-details.tsx";

/** A declared graph, with a button that starts a run. */
export function OneGraph(props: { space: Space; name: string; version: string | undefined }) {
  const { space, name, version } = props;
  const { workflows } = space.mayfly;
  const [picked, setPicked] = useState<string | null>(null);
  const [starts, setStarts] = useState(false);
  const loaded = useLoaded(() => workflows.graphs.get(name, version), [name, version]);
  if (loaded.error?.code === "workflow_unknown")
    return (
      <Missing title="There is no such graph." back={[href("workflows", "graphs"), "All graphs"]} />
    );
  return (
    <Show of={loaded}>
      {({ graph, setAt, setBy, version: own }) => {
        const step = picked === null ? undefined : graph.steps[picked];
        return (
          <>
            <Head
              title={
                <>
                  <bdi>{printable(name)}</bdi> <span class="muted">{printable(own)}</span>
                </>
              }
              about={
                <a class="back" href={href("workflows", "graphs")}>
                  All graphs
                </a>
              }
            >
              <Action
                label="Delete"
                tone="danger"
                scope="job:admin"
                confirm="Delete this version? It must have no active run."
                done="It is deleted"
                run={async () => {
                  const answer = await workflows.graphs.delete(name, own);
                  if (!answer.error) go("workflows", "graphs");
                  return answer;
                }}
              />
              {space.may("job:add") && (
                <button type="button" class="button primary" onClick={() => setStarts(true)}>
                  Start a run
                </button>
              )}
            </Head>
            <div class="stack">
              <Panel title={plural(Object.keys(graph.steps).length, "step")}>
                <GraphDrawing
                  label={`The graph ${oneLine(name, 60)}`}
                  graph={graph}
                  picked={picked}
                  onPick={setPicked}
                />
              </Panel>
              {step && picked && (
                <StepDetails
                  name={picked}
                  step={step}
                  standing={undefined}
                  onClose={() => setPicked(null)}
                />
              )}
              <p class="muted">
                Stored <Ago at={setAt} /> by <Name id={setBy} />.
              </p>
            </div>
            {starts && (
              <StartWorkflow
                space={space}
                name={name}
                version={own}
                named={inputOf(graph)}
                onClose={() => setStarts(false)}
              />
            )}
          </>
        );
      }}
    </Show>
  );
}
