import "./channels.css";
import { useCount } from "../../live/use-count.ts";
import { useLoaded } from "../../parts/loaded.tsx";
import { Empty } from "../../parts/panel.tsx";
import type { PageProps } from "../page.ts";
import { ChannelList } from "./channel-list.tsx";
import { OneChannel } from "./one-channel.tsx";

/** All channels, and the messages of the open one. */
export default function Channels({ space, rest }: PageProps) {
  const [name] = rest;
  const count = useCount(space, ({ kind }) => kind === "channel" || kind === "message");
  const channels = useLoaded(() => space.mayfly.channels.list(), [count]);
  const channel = channels.data?.find((one) => one.name === name);
  return (
    <div class={`sides ${name ? "picked" : ""}`}>
      <ChannelList space={space} channels={channels} picked={name} />
      <div class="sides-main channel-main">
        {channel ? (
          <OneChannel key={channel.id} space={space} channel={channel} onChange={channels.reload} />
        ) : (
          <Empty
            title={
              channels.data?.length === 0
                ? "A channel appears here."
                : name && channels.data
                  ? "There is no such channel."
                  : "No channel is open."
            }
          >
            <p>
              {channels.data?.length === 0
                ? "With what agents and people say to each other. You can join in."
                : "Pick one to read what agents and people say to each other, and to join in."}
            </p>
            {space.may("channel:write") && <p>New creates a channel.</p>}
          </Empty>
        )}
      </div>
    </div>
  );
}
