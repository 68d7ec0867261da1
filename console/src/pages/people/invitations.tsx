import type { Invitation } from "@mayfly/sdk";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { toneOfRole } from "./role.ts";

/** The open invitations. */
export function Invitations(props: { space: Space; changes: number; onChange(): void }) {
  const { space, changes, onChange } = props;
  const { invitations } = space.mayfly.people;
  const count = useCount(space, ({ kind }) => kind === "member");
  const loaded = useLoaded(() => invitations.list(), [count, changes]);
  return (
    <Panel title="Invitations" hint="that were neither accepted nor revoked">
      <Show of={loaded}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="Nobody is invited.">
              Invite a colleague as a viewer: they see everything and change nothing.
            </Empty>
          ) : (
            <Table<Invitation>
              label="Invitations"
              rows={all}
              keyOf={({ id }) => id}
              columns={[
                {
                  title: "For",
                  cell: ({ email }) =>
                    email ? (
                      <bdi>{printable(email)}</bdi>
                    ) : (
                      <span class="muted">whoever has the link</span>
                    ),
                },
                {
                  title: "Role",
                  cell: ({ role }) => <Badge tone={toneOfRole[role]}>{role}</Badge>,
                },
                { title: "Sent", cell: ({ createdAt }) => <Ago at={createdAt} />, wide: true },
                {
                  title: "Ends",
                  cell: ({ expiresAt }) =>
                    expiresAt.getTime() < second.value ? (
                      <Status of="expired" />
                    ) : (
                      <Ago at={expiresAt} />
                    ),
                  wide: true,
                },
                {
                  title: "Revoke",
                  cell: ({ id }) => (
                    <Action
                      label="Revoke"
                      tone="danger"
                      done="Revoked"
                      run={() => invitations.revoke(id)}
                      after={onChange}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Show>
    </Panel>
  );
}
