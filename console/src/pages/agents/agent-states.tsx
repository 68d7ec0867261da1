import type { StateInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Differences } from "../../parts/differences.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Select } from "../../parts/select.tsx";
import { Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** The agent's own states, each with its last change. */
export function AgentStates({ space, id }: { space: Space; id: string }) {
  const changes = useCount(space, ({ kind, agentId }) => kind === "state" && agentId === id);
  const states = useLoaded(() => space.mayfly.state.of(id).list(), [id, changes]);
  return (
    <Panel title="States" hint="its own">
      <Show of={states}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="It has no state of its own." />
          ) : (
            <Table<StateInfo>
              label="States"
              rows={rows}
              keyOf={({ key }) => key}
              columns={[
                { title: "Key", cell: ({ key }) => <bdi class="mono">{printable(key)}</bdi> },
                { title: "Version", cell: ({ version }) => version, number: true },
                { title: "Changed", cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
              ]}
              inside={({ key, version }) => (
                <OneState space={space} id={id} name={key} version={version} />
              )}
            />
          )
        }
      </Show>
    </Panel>
  );
}

function OneState(props: { space: Space; id: string; name: string; version: number }) {
  const { space, id, name, version } = props;
  const states = space.mayfly.state.of(id);
  const [from, setFrom] = useState(Math.max(1, version - 1));
  const value = useLoaded(() => states.get(name), [name, version]);
  const history = useLoaded(() => states.history(name, { limit: 20 }), [name, version]);
  const differences = useLoaded(() => states.diff(name, from), [name, from, version]);
  return (
    <div class="stack">
      <Show of={value}>{(state) => <Json value={state?.value ?? null} open={2} />}</Show>
      {version > 1 && (
        <>
          <div class="actions">
            <span class="muted">Changes since</span>
            <Select
              label="Since version"
              value={String(from)}
              options={(history.data ?? [])
                .filter((one) => one.version < version)
                .map((one): [string, string] => [String(one.version), `version ${one.version}`])}
              onChange={(to) => setFrom(Number(to))}
            />
          </div>
          <Show of={differences}>{(found) => <Differences of={found} />}</Show>
        </>
      )}
      <a class="underlined" href={href("state", id, name)}>
        All its versions
      </a>
    </div>
  );
}
