import type { AgentLife } from "@mayfly/sdk";
import { href, route, setQuery } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Status } from "../../parts/badge.tsx";
import { Life } from "../../parts/life.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Head, Panel } from "../../parts/panel.tsx";
import { Search, searched } from "../../parts/search.tsx";
import { Select } from "../../parts/select.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const order = { running: 0, suspended: 1, stopped: 2, expired: 2 };

/** Living agents, then agents that have ended within the past hour. */
export function AgentList({ space }: { space: Space }) {
  void space.agents.version.value;
  const { query } = route.value;
  const wanted = query.get("status") ?? "all";
  const now = second.value;
  const all = space.agents
    .within(now)
    .sort(
      (one, other) =>
        order[space.agents.conditionAt(one, now)] - order[space.agents.conditionAt(other, now)] ||
        other.spawnedAt.getTime() - one.spawnedAt.getTime(),
    );
  const found = all.filter(
    (life) =>
      matches(life, searched()) &&
      (wanted === "all" || space.agents.conditionAt(life, now) === wanted),
  );
  return (
    <>
      <Head title="Agents" about="Living agents, and agents that have ended within the past hour.">
        <Search label="Find agents" placeholder="Name, type, task, capability  ( / )" />
        <Select
          label="Status"
          value={wanted}
          options={[["all", "Any status"], "running", "suspended", "stopped", "expired"]}
          onChange={(status) => setQuery({ status: status === "all" ? null : status })}
        />
      </Head>
      <Panel title={plural(found.length, "agent")}>
        {found.length === 0 ? (
          <Empty
            title={
              all.length === 0 ? "No agent was alive within the past hour." : "No agent matches."
            }
          >
            {all.length === 0 ? (
              <p>
                Spawn one: <code>npx mayfly spawn --name analyst --lifetime 60</code>
              </p>
            ) : (
              "Use a shorter search, or choose another status."
            )}
          </Empty>
        ) : (
          <Table
            label="Agents"
            columns={columnsOf(space)}
            rows={found}
            keyOf={({ id }) => id}
            hrefOf={({ id }) => href("agents", id)}
          />
        )}
      </Panel>
    </>
  );
}

const columnsOf = ({ agents }: Space): Column<AgentLife>[] => [
  { title: "Name", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
  { title: "Type", cell: ({ type }) => printable(type), wide: true },
  {
    title: "Status",
    cell: (life) => {
      const condition = agents.conditionAt(life, second.value);
      return <Status of={condition === "running" ? life.activity : condition} />;
    },
  },
  { title: "Life", cell: (life) => <Life agents={agents} of={life} /> },
  {
    title: "Task",
    text: true,
    cell: ({ task }) => <span class="muted">{oneLine(task ?? "", 90)}</span>,
    wide: true,
  },
  {
    title: "Spawned by",
    cell: ({ parentId, spawnedBy }) => <Name id={parentId ?? spawnedBy} />,
    wide: true,
  },
  { title: "Spawned", cell: ({ spawnedAt }) => <Ago at={spawnedAt} />, wide: true },
];

const matches = ({ name, type, task, capabilities }: AgentLife, text: string) =>
  text === "" || `${name} ${type} ${task} ${capabilities.join(" ")}`.toLowerCase().includes(text);
