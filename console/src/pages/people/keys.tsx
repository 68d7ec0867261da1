import type { EnrolmentKey } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { KeyForm } from "./key-form.tsx";

/** Enrolment keys. With such a key, a machine can spawn agents, and do nothing else. */
export function Keys({ space }: { space: Space }) {
  const { keys } = space.mayfly;
  const [makes, setMakes] = useState(false);
  const loaded = useLoaded(() => keys.list(), [makes]);
  return (
    <Panel
      title="Enrolment keys"
      hint="with which machines spawn agents, and do nothing else"
      actions={
        <button type="button" class="button small" onClick={() => setMakes(true)}>
          New key
        </button>
      }
    >
      <Show of={loaded}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No machine has a key.">
              Give one to a server or a CI job, so that its agents need no secret key.
            </Empty>
          ) : (
            <Table<EnrolmentKey>
              label="Enrolment keys"
              rows={[...all].reverse()}
              keyOf={({ id }) => id}
              columns={[
                { title: "Name", cell: ({ name }) => <bdi class="name">{printable(name)}</bdi> },
                { title: "Status", cell: (key) => <Status of={statusOf(key, second.value)} /> },
                {
                  title: "Last used",
                  cell: ({ lastUsedAt }) => (lastUsedAt ? <Ago at={lastUsedAt} /> : "never"),
                },
                {
                  title: "Ends",
                  cell: ({ expiresAt }) => <Ago at={expiresAt} />,
                  wide: true,
                },
                {
                  title: "Its agents may",
                  cell: ({ scopes }) => (
                    <span class="badges">
                      {scopes.slice(0, 4).map((scope) => (
                        <Badge key={scope}>{printable(scope)}</Badge>
                      ))}
                      {scopes.length > 4 && (
                        <span class="muted" title={scopes.join(", ")}>
                          and {scopes.length - 4} more
                        </span>
                      )}
                    </span>
                  ),
                  wide: true,
                },
                {
                  title: "Revoke",
                  cell: (key) =>
                    statusOf(key, second.value) === "ready" ? (
                      <span class="actions">
                        <Action
                          label="Revoke"
                          tone="danger"
                          confirm="No machine spawns with it any more."
                          done="Revoked"
                          run={() => keys.revoke(key.id)}
                          after={loaded.reload}
                        />
                        <Action
                          label="And stop its agents"
                          tone="danger"
                          confirm="All agents that it spawned end too."
                          done="Revoked, and its agents are stopped"
                          run={() => keys.revoke(key.id, { stopAgents: true })}
                          after={loaded.reload}
                        />
                      </span>
                    ) : null,
                },
              ]}
            />
          )
        }
      </Show>
      {makes && <KeyForm space={space} onClose={() => setMakes(false)} />}
    </Panel>
  );
}

const statusOf = ({ revokedAt, expiresAt }: EnrolmentKey, now: number): string =>
  revokedAt ? "stopped" : expiresAt && expiresAt.getTime() < now ? "expired" : "ready";
