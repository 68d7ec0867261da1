import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const shown = 40;

/** What was said in its channel within the past hour. */
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
    <Panel title="Channel" hint="what was said within the past hour">
      {said.length === 0 ? (
        <Empty title="Nothing was said there." />
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
