import type { MemberRole, Scope } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { Icon } from "../../parts/icon.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Panel } from "../../parts/panel.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { allRoles } from "./role.ts";

/** The scopes of each role, and those that an agent may have. */
export function Roles({ space }: { space: Space }) {
  const scopes = useLoaded(() => space.mayfly.people.scopes(), []);
  return (
    <Panel title="Roles" hint={`you are ${space.me.role}: the database decides at each call`}>
      <Show of={scopes}>
        {(all) => (
          <Table<Scope>
            label="Roles"
            rows={all}
            keyOf={({ name }) => name}
            columns={[
              { title: "Scope", cell: ({ name }) => <code>{printable(name)}</code> },
              {
                title: "Allows to",
                text: true,
                cell: ({ description }) => <span class="muted">{printable(description)}</span>,
                wide: true,
              },
              ...allRoles.map(
                (role): Column<Scope> => ({
                  title: role,
                  cell: ({ roles }) => <Yes when={roles.includes(role)} of={role} />,
                }),
              ),
              {
                title: "agent",
                cell: ({ agents }) => <Yes when={agents} of="agent" />,
                wide: true,
              },
            ]}
          />
        )}
      </Show>
    </Panel>
  );
}

function Yes({ when, of }: { when: boolean; of: MemberRole | "agent" }) {
  if (!when) return <span class="muted">–</span>;
  return (
    <span class="yes">
      <Icon name="check" size={15} />
      <span class="sr-only">{of} may</span>
    </span>
  );
}
