import type { ChannelInfo } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { useTeamNames } from "../../live/use-team-names.ts";
import { type Loaded, Show } from "../../parts/loaded.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { Search, searched } from "../../parts/search.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { ChannelForm } from "./channel-form.tsx";

export function ChannelList(props: {
  space: Space;
  channels: Loaded<ChannelInfo[]>;
  picked: string | undefined;
}) {
  const { space, channels, picked } = props;
  const [makes, setMakes] = useState(false);
  void space.subjects.version.value;
  useTeamNames(
    space,
    (channels.data ?? []).map(({ name }) => name),
  );
  return (
    <aside class="sides-list" aria-label="Channels">
      <Head title="Channels" about="Messages to everyone who is interested.">
        {space.may("channel:write") && (
          <button type="button" class="button" onClick={() => setMakes(true)}>
            New
          </button>
        )}
      </Head>
      <div class="sides-filter">
        <Search label="Find channels" placeholder="Name  ( / )" />
      </div>
      <Show of={channels}>
        {(all) => {
          const found = all.filter(({ name, description }) =>
            `${name} ${withNames(space, name)} ${description}`.toLowerCase().includes(searched()),
          );
          if (all.length === 0)
            return (
              <Empty title="There is no channel yet.">
                <p>An agent makes one, or you:</p>
                <p>
                  <code>
                    agent.channels.create({"{"} name: "findings" {"}"})
                  </code>
                </p>
              </Empty>
            );
          if (found.length === 0) return <Empty title="No channel has this name." />;
          return (
            <nav class="sides-rows" aria-label="Channels by name">
              {found.map(({ id, name, description, lastSeq }) => (
                <a
                  key={id}
                  href={href("channels", name)}
                  aria-current={name === picked ? "true" : undefined}
                >
                  <bdi>
                    <span class="muted"># </span>
                    <b>{withNames(space, printable(name))}</b>
                  </bdi>
                  <small>{plural(lastSeq, "message")}</small>
                  <small class="channel-about">
                    <bdi>{oneLine(description, 80)}</bdi>
                  </small>
                </a>
              ))}
            </nav>
          );
        }}
      </Show>
      {makes && <ChannelForm space={space} onClose={() => setMakes(false)} />}
    </aside>
  );
}
