import type { ChannelInfo, MayflyError } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Icon } from "../../parts/icon.tsx";
import { Refusal } from "../../parts/notice.tsx";

/** Publishes a message to the channel. If the person may not publish there, explains why. */
export function Composer(props: {
  space: Space;
  channel: ChannelInfo;
  subscribed: boolean;
  onSent(): void;
}) {
  const { space, channel, subscribed, onSent } = props;
  const { name, kind, createdBy, publishers } = channel;
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<MayflyError | null>(null);
  const publishes = createdBy === space.me.userId || publishers.includes(space.me.userId);
  if (!space.may("message:send")) return null;
  if (!publishes && (kind !== "two_way" || !subscribed))
    return (
      <p class="composer-closed muted">
        {kind === "two_way"
          ? "Subscribe to join in."
          : "Only its creator and its publishers write here."}
      </p>
    );
  const send = async () => {
    if (text.trim() === "" || busy) return;
    setBusy(true);
    const sent = await space.mayfly.channels.publish(name, "info", { text });
    setBusy(false);
    setError(sent.error);
    if (sent.error) return;
    setText("");
    onSent();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {error && <Refusal error={error} />}
      <textarea
        rows={2}
        aria-label={`Say something in ${name}`}
        placeholder="Say something. Enter sends it."
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          void send();
        }}
      />
      <button
        type="submit"
        class="button primary"
        disabled={busy || text.trim() === ""}
        aria-label="Send"
      >
        <Icon name="send" size={15} />
      </button>
    </form>
  );
}
