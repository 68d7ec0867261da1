import type { ChannelInfo } from "@mayfly/sdk";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, href } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Refusal } from "../../parts/notice.tsx";
import { Empty } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { AboutChannel } from "./about-channel.tsx";
import { ChannelForm } from "./channel-form.tsx";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.ts";
import { Turns } from "./turns.tsx";

/** A channel as a conversation. */
export function OneChannel(props: { space: Space; channel: ChannelInfo; onChange(): void }) {
  const { space, channel, onChange } = props;
  const { name } = channel;
  const said = useMemo(() => new Conversation(space, name, channel.lastSeq), [space, name]);
  useEffect(() => {
    said.start();
    return () => said.stop();
  }, [said]);
  void said.version.value;
  const error = said.error.value;
  const changed = () => {
    said.reload();
    onChange();
  };
  const subscribed = typeof said.acknowledged === "number";
  return (
    <>
      <header class="sides-head">
        <a class="sides-back" href={href("channels")}>
          All channels
        </a>
        <h2>
          <span class="muted"># </span>
          <bdi>{withNames(space, printable(name))}</bdi>
        </h2>
        <bdi class="muted">{printable(channel.description)}</bdi>
        <ChannelActions {...props} subscribed={subscribed} onChange={changed} />
      </header>
      <div class="channel-grid">
        <section class="panel conversation" aria-label="Conversation">
          {error?.code === "not_subscribed" ? (
            <Empty title="You have not subscribed to this channel.">
              <p>Subscribe to read its messages.</p>
              <Action
                label="Subscribe"
                tone="primary"
                run={() => space.mayfly.channels.subscribe(name, { since: "start" })}
                after={changed}
              />
            </Empty>
          ) : error ? (
            <Empty title="It could not be read.">
              <Refusal error={error} />
            </Empty>
          ) : (
            <Scroll said={said} />
          )}
          <Composer space={space} channel={channel} subscribed={subscribed} onSent={changed} />
        </section>
        <AboutChannel
          space={space}
          channel={channel}
          on={`${said.messages.length} ${subscribed}`}
        />
      </div>
    </>
  );
}

/**
 * The list of messages. When messages arrive, the list stays scrolled to its end, unless the reader
 * has scrolled up.
 */
function Scroll({ said }: { said: Conversation }) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const { messages } = said;
  useLayoutEffect(() => {
    const element = box.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  });
  if (said.acknowledged === undefined)
    return <div class="skeleton" role="status" aria-label="Loading" />;
  if (messages.length === 0) return <Empty title="There are no messages yet." />;
  const loadOlder = async () => {
    const element = box.current;
    const before = element?.scrollHeight ?? 0;
    await said.loadOlder();
    // Keeps the visible messages in place.
    requestAnimationFrame(() => {
      if (element) element.scrollTop += element.scrollHeight - before;
    });
  };
  return (
    <div
      class="conversation-scroll"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: people without a mouse scroll it by keyboard.
      tabIndex={0}
      role="log"
      aria-label="Messages"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        atEnd.current = scrollTop + clientHeight >= scrollHeight - 40;
      }}
    >
      {said.hasOlder && (
        <button type="button" class="more" onClick={loadOlder}>
          Load older
        </button>
      )}
      <Turns messages={messages} />
    </div>
  );
}

function ChannelActions(props: {
  space: Space;
  channel: ChannelInfo;
  subscribed: boolean;
  onChange(): void;
}) {
  const { space, channel, subscribed, onChange } = props;
  const { name, createdBy } = channel;
  const { channels } = space.mayfly;
  const [writes, setWrites] = useState(false);
  const isMine =
    space.may("message:admin") || (createdBy === space.me.userId && space.may("channel:write"));
  return (
    <div class="actions">
      {subscribed ? (
        <Action label="Unsubscribe" run={() => channels.unsubscribe(name)} after={onChange} />
      ) : (
        <Action
          label="Subscribe"
          run={() => channels.subscribe(name, { since: "start" })}
          after={onChange}
        />
      )}
      {isMine && (
        <>
          <button type="button" class="button" onClick={() => setWrites(true)}>
            Edit
          </button>
          <Action
            label="Delete"
            tone="danger"
            confirm="Delete it with all its messages? It cannot be undone."
            done={`#${name} is deleted`}
            run={async () => {
              const answer = await channels.delete(name);
              if (!answer.error) go("channels");
              return answer;
            }}
            after={onChange}
          />
        </>
      )}
      {writes && (
        <ChannelForm
          space={space}
          channel={channel}
          onClose={() => {
            setWrites(false);
            onChange();
          }}
        />
      )}
    </div>
  );
}
