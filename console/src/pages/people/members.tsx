import type { Member, MemberRole } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Action } from "../../parts/action.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { say } from "../../parts/notice.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Select } from "../../parts/select.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { rolesToGive, toneOfRole } from "./role.ts";

/** The members of the tenant. Their roles can be changed with `member:write`. */
export function Members(props: { space: Space; changes: number; onChange(): void }) {
  const { space, changes, onChange } = props;
  const { members } = space.mayfly.people;
  const count = useCount(space, ({ kind }) => kind === "member");
  const loaded = useLoaded(() => members.list(), [count, changes]);
  const { me } = space;
  const changeRole = async ({ userId, email }: Member, role: MemberRole) => {
    const { error } = await members.changeRole(userId, role);
    if (error) say({ tone: "red", title: "The role was not changed", error });
    else say({ tone: "green", title: `${email ?? "This person"} is ${role} now` });
    onChange();
  };
  // An admin may change everybody except owners.
  const mayChange = ({ role }: Member) =>
    space.may("member:write") && (role !== "owner" || me.role === "owner");
  const columns: Column<Member>[] = [
    {
      title: "Person",
      cell: ({ email, userId }) => (
        <span class="person">
          <span class="avatar tone-violet" aria-hidden="true">
            {(email ?? "?")[0]?.toUpperCase()}
          </span>
          <bdi>{printable(email ?? userId)}</bdi>
          {userId === me.userId && <Badge>you</Badge>}
        </span>
      ),
    },
    {
      title: "Role",
      cell: (member) =>
        mayChange(member) && member.userId !== me.userId ? (
          <Select
            label={`Role of ${printable(member.email ?? "a person")}`}
            value={member.role}
            options={rolesToGive(space)}
            onChange={(role) => void changeRole(member, role)}
          />
        ) : (
          <Badge tone={toneOfRole[member.role]}>{member.role}</Badge>
        ),
    },
    { title: "Since", cell: ({ createdAt }) => <Ago at={createdAt} />, wide: true },
  ];
  if (space.may("member:write"))
    columns.push({
      title: "Remove",
      cell: (member) =>
        mayChange(member) && member.userId !== me.userId ? (
          <Action
            label="Remove"
            tone="danger"
            confirm="Remove this person? What they and their agents remembered is kept."
            done="Removed"
            run={() => members.remove(member.userId)}
            after={onChange}
          />
        ) : null,
    });
  return (
    <Panel title="Members">
      <Show of={loaded}>
        {(all) => (
          <Table<Member>
            label="Members"
            rows={all}
            keyOf={({ userId }) => userId}
            columns={columns}
          />
        )}
      </Show>
    </Panel>
  );
}
