import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const shown = 40;

/** The messages in the team's channel within the past hour. */
export function TeamChannel({ space, channel }: { space: Space; channel: string | null }) {
  const channels = useLoaded(() => space.mayfly.channels.list(), [channel]);
  if (channel === null) return null;
  void space.messages.version.value;
  const id = channels.data?.find(({ name }) => name === channel)?.id;
  const said = [...space.messages.all()]
    .filter(({ channelId }) => channelId !== null && channelId === id)
    .sort((one, other) => other.sentAt.getTime() - one.sentAt.getTime())
    .slice(0, shown);
  return (
    <Panel
      title="Channel"
      hint="messages of the past hour"
      actions={
        <a class="button small" href={href("channels", channel)}>
          All of it
        </a>
      }
    >
      {said.length === 0 ? (
        <Empty title="No messages in the past hour." />
      ) : (
        <ol class="said">
          {said.map(({ id: key, senderId, type, payload, sentAt }) => (
            <li key={key}>
              <Name id={senderId} /> <Kind of={type} />
              <Ago at={sentAt} />
              <bdi>{preview(payload, 300)}</bdi>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
