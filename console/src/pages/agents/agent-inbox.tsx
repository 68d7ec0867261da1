import type { StoredMessage } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Kind, Status } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** The agent's inbox: waiting and handled messages. */
export function AgentInbox({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind }) => kind === "message");
  const inbox = useLoaded(
    () => space.mayfly.messages.list({ recipient: id, limit: 50 }),
    [id, count],
  );
  return (
    <Panel
      title="Inbox"
      {...(!space.may("message:admin") && { hint: "only messages that you may read" })}
    >
      <Show of={inbox}>
        {(messages) =>
          messages.length === 0 ? (
            <Empty title="No messages yet." />
          ) : (
            <Table<StoredMessage>
              label="Inbox"
              rows={messages}
              keyOf={(message) => message.id}
              columns={[
                { title: "Type", cell: ({ type }) => <Kind of={`message.${type}`.slice(8)} /> },
                { title: "From", cell: ({ senderId }) => <Name id={senderId} /> },
                {
                  title: "Says",
                  text: true,
                  cell: ({ payload }) => <bdi class="muted">{preview(payload, 90)}</bdi>,
                  wide: true,
                },
                {
                  title: "Status",
                  cell: (message) => {
                    const own = message.deliveries.find(({ recipientId }) => recipientId === id);
                    return <Status of={own?.acknowledgedAt ? "handled" : "waiting"} />;
                  },
                },
                { title: "Sent", cell: ({ sentAt }) => <Ago at={sentAt} /> },
              ]}
              inside={({ payload }) => <Json value={payload} open={3} />}
            />
          )
        }
      </Show>
    </Panel>
  );
}
