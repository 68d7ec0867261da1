import type { Team, TeamMember } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Life } from "../../parts/life.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Facts, Head, Missing, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { Alerts } from "./alerts.tsx";
import { Blackboard } from "./blackboard.tsx";
import { Polls } from "./polls.tsx";
import { TeamChannel } from "./team-channel.tsx";
import { TeamSpending } from "./team-spending.tsx";
import { Tenders } from "./tenders.tsx";

const kinds = ["team", "agent", "poll", "tender"];

/** A team: its members, its channel, its decisions and its costs. */
export function OneTeam({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind }) => kinds.includes(kind));
  const loaded = useLoaded(() => space.mayfly.teams.get(id), [id, count]);
  return (
    <Show of={loaded}>
      {(team) =>
        team === null ? (
          <Missing title="There is no such team." back={[href("teams"), "All teams"]} />
        ) : (
          <Body space={space} team={team} count={count} />
        )
      }
    </Show>
  );
}

function Body({ space, team, count }: { space: Space; team: Team; count: number }) {
  const { id, name, task, status, createdBy, createdAt, deadline, endedAt, endReason } = team;
  return (
    <>
      <Head
        title={
          <>
            <bdi>{printable(name)}</bdi> <Status of={status === "ended" ? "stopped" : status} />
          </>
        }
        about={task ? oneLine(task, 300) : undefined}
      >
        {status === "running" && (
          <Action
            label="Stop the team"
            tone="danger"
            scope="agent:stop"
            confirm={`Stop all ${team.living} members and their descendants?`}
            done={`${name} is stopped`}
            run={() => space.mayfly.teams.stop(id, "From the console.")}
          />
        )}
      </Head>
      <div class="grid">
        <div class="stack">
          <Panel title="Members" hint={`${team.living} of ${team.members.length} live`}>
            <Members space={space} team={team} />
          </Panel>
          <Panel title="About">
            <Facts
              of={[
                ["Made", <Ago key="made" at={createdAt} />],
                ["Made by", <Name key="by" id={createdBy} />],
                ["Deadline", deadline ? <Ago key="deadline" at={deadline} /> : "none"],
                ["Ended", endedAt && <Ago key="ended" at={endedAt} />],
                ["Because", endReason && oneLine(endReason, 300)],
              ]}
            />
          </Panel>
          {space.may("cost:read") && <TeamSpending space={space} team={team} />}
        </div>
        <div class="stack">
          <Alerts space={space} team={id} count={count} />
          {space.may("state:read") && <Blackboard space={space} team={id} />}
          <Polls space={space} team={id} count={count} />
          <Tenders space={space} team={id} count={count} />
          <TeamChannel space={space} channel={team.channel} />
        </div>
      </div>
    </>
  );
}

function Members({ space, team }: { space: Space; team: Team }) {
  space.agents.want(team.members.map(({ id }) => id));
  void space.agents.version.value;
  return (
    <Table<TeamMember>
      label="Members"
      rows={team.members}
      keyOf={({ id }) => id}
      hrefOf={({ id }) => href("agents", id)}
      columns={[
        { title: "Name", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
        {
          title: "Role",
          cell: ({ id, role }) => (
            <Badge tone={id === team.lead ? "violet" : "gray"}>{printable(role)}</Badge>
          ),
        },
        {
          title: "Status",
          cell: ({ status, activity }) => <Status of={status === "running" ? activity : status} />,
        },
        {
          title: "Life",
          cell: ({ id }) => {
            const life = space.agents.get(id);
            return life ? <Life agents={space.agents} of={life} /> : "";
          },
          wide: true,
        },
      ]}
    />
  );
}
