import type { ChannelInfo } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import type { Space } from "../../live/space.ts";
import { Badge } from "../../parts/badge.tsx";
import { bytes } from "../../parts/bar.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Facts, Panel } from "../../parts/panel.tsx";
import { Ago } from "../../parts/time.tsx";

const kinds = {
  one_way: "Its creator and publishers write, and subscribers read.",
  two_way: "Subscribers read and write.",
  broadcast: "Its creator and publishers write, and everyone reads.",
};

/** A channel's settings, its size, and the progress of its subscribers. */
export function AboutChannel(props: { space: Space; channel: ChannelInfo; on: string }) {
  const { space, channel, on } = props;
  const { name, kind, createdBy, createdAt, publishers } = channel;
  const statistics = useLoaded(() => space.mayfly.channels.statistics(name), [name, on]);
  const facts: [string, ComponentChildren][] = [
    ["Made by", <Name key="by" id={createdBy} />],
    ["Made", <Ago key="at" at={createdAt} />],
  ];
  if (publishers.length > 0)
    facts.push([
      "Publishers",
      <span key="publishers" class="badges">
        {publishers.map((id) => (
          <Name key={id} id={id} />
        ))}
      </span>,
    ]);
  return (
    <div class="stack">
      <Panel title="About">
        <p class="panel-body muted channel-kind">
          <Badge tone="teal">{kind.replace("_", "-")}</Badge> {kinds[kind]}
        </p>
        <Facts of={facts} />
      </Panel>
      <Show of={statistics}>
        {({ messages, bytes: size, perMinute, subscribers }) => (
          <Panel title="Readers" hint={`${subscribers.length}`}>
            <ul class="readers">
              {subscribers.map(({ id, lag }) => (
                <li key={id}>
                  <Name id={id} />
                  <span class={lag > 0 ? "" : "muted"}>
                    {lag > 0 ? `${lag} behind` : "has read everything"}
                  </span>
                </li>
              ))}
              {subscribers.length === 0 && <li class="muted">Nobody has subscribed.</li>}
            </ul>
            <p class="panel-body muted channel-size">
              {messages.toLocaleString("en")} kept, {bytes(size)}
              {perMinute >= 0.1 && `, ${perMinute.toFixed(1)} a minute`}
            </p>
          </Panel>
        )}
      </Show>
    </div>
  );
}
