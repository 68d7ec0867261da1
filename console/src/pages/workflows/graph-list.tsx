import type { ListedGraph } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** The workflows that are declared as graphs. */
export function GraphList({ space }: { space: Space }) {
  // A graph is stored when it is first started. A start also adds a job, so read again after events
  // of jobs.
  const count = useCount(space, ({ type }) => type === "job.added");
  const graphs = useLoaded(() => space.mayfly.workflows.graphs.list(), [count]);
  return (
    <Show of={graphs}>
      {(all) => (
        <Panel title={plural(all.length, "graph")} hint="workflows whose steps are declared">
          {all.length === 0 ? (
            <Empty title="No workflow is declared as a graph.">
              <p>
                <code>
                  graph("digest", schema, {"{"} read: {"{"} map: "input.urls" {"}"}, join: {"{"}{" "}
                  needs: ["read"] {"}"} {"}"})
                </code>{" "}
                is stored when it is first started or served.
              </p>
            </Empty>
          ) : (
            <Table<ListedGraph>
              label="Graphs"
              rows={all}
              keyOf={({ name, version }) => `${name} ${version}`}
              hrefOf={({ name, version }) => href("workflows", "graphs", name, version)}
              columns={[
                { title: "Graph", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
                { title: "Version", cell: ({ version }) => printable(version) },
                { title: "Steps", cell: ({ steps }) => steps, number: true },
                { title: "Stored", cell: ({ setAt }) => <Ago at={setAt} /> },
              ]}
            />
          )}
        </Panel>
      )}
    </Show>
  );
}
