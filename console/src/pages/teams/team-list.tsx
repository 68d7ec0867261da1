import type { Team } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Head, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** How many teams the answer has at most. */
const most = 100;

export function TeamList({ space }: { space: Space }) {
  const count = useCount(space, ({ kind }) => kind === "team" || kind === "agent");
  const teams = useLoaded(() => space.mayfly.teams.list(), [count]);
  return (
    <>
      <Head title="Teams" about="Agents that work on something together, and end together." />
      <Show of={teams}>
        {(all) => (
          <Panel
            title={plural(all.length, "team")}
            hint={all.length === most ? `the newest ${most}` : undefined}
          >
            {all.length === 0 ? (
              <Empty title="There is no team yet.">
                <p>
                  Spawn one in a program:{" "}
                  <code>
                    mayfly.teams.spawn("release", {"{"} members: {"{"} reader: 3 {"}"} {"}"})
                  </code>
                </p>
              </Empty>
            ) : (
              <Table<Team>
                label="Teams"
                rows={all}
                keyOf={({ id }) => id}
                hrefOf={({ id }) => href("teams", id)}
                columns={[
                  { title: "Name", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
                  {
                    title: "Status",
                    cell: ({ status }) => <Status of={status === "ended" ? "stopped" : status} />,
                  },
                  {
                    title: "Living",
                    cell: ({ living, members }) => `${living} of ${members.length}`,
                    number: true,
                  },
                  {
                    title: "Lead",
                    cell: ({ lead }) => (lead ? <Name id={lead} /> : "–"),
                    wide: true,
                  },
                  {
                    title: "Task",
                    text: true,
                    cell: ({ task }) => <bdi class="muted">{oneLine(task ?? "", 90)}</bdi>,
                    wide: true,
                  },
                  { title: "Made", cell: ({ createdAt }) => <Ago at={createdAt} /> },
                ]}
              />
            )}
          </Panel>
        )}
      </Show>
    </>
  );
}
