import type { StateInfo } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** The states of the team. Each one shows its value when it is opened. */
export function Blackboard({ space, team }: { space: Space; team: string }) {
  const { blackboard } = space.mayfly.teams.of(team);
  const count = useCount(space, ({ kind }) => kind === "state");
  const notes = useLoaded(() => blackboard.list(), [team, count]);
  return (
    <Panel
      title="Blackboard"
      actions={
        <a
          class="button small"
          href={`${href("memory")}?tag=${encodeURIComponent(`team:${team}`)}`}
        >
          Its memories
        </a>
      }
    >
      <Show of={notes}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="Nothing is written on it.">
              <p>
                <code>
                  mayfly.teams.of(team.id).blackboard.set("plan", {"{"} step: 1 {"}"})
                </code>
              </p>
            </Empty>
          ) : (
            <Table<StateInfo>
              label="Blackboard"
              rows={all}
              keyOf={({ key }) => key}
              columns={[
                { title: "Note", cell: ({ key }) => <bdi class="mono">{printable(key)}</bdi> },
                { title: "Version", cell: ({ version }) => version, number: true },
                { title: "Changed", cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
              ]}
              inside={(note) => <Note space={space} team={team} note={note} />}
            />
          )
        }
      </Show>
    </Panel>
  );
}

function Note(props: { space: Space; team: string; note: StateInfo }) {
  const { space, team, note } = props;
  const { key, version } = note;
  const value = useLoaded(
    () => space.mayfly.teams.of(team).blackboard.get(key),
    [team, key, version],
  );
  return (
    <div class="stack">
      <Show of={value}>{(state) => <Json value={state?.value ?? null} open={3} />}</Show>
      <a class="underlined" href={href("state", "shared", `team/${team}/${key}`)}>
        With its versions
      </a>
    </div>
  );
}
