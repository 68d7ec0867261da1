import type { ChannelInfo, ChannelKind } from "@mayfly/sdk";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { printable } from "../../parts/text.ts";

const kinds: readonly [ChannelKind, string][] = [
  ["two_way", "Two-way: subscribers read and write"],
  ["one_way", "One-way: its creator writes, and subscribers read"],
  ["broadcast", "Broadcast: its creator writes, and everyone reads"],
];

/** Creates a channel, or changes its description. */
export function ChannelForm(props: { space: Space; channel?: ChannelInfo; onClose(): void }) {
  const { space, channel, onClose } = props;
  const { channels } = space.mayfly;
  return (
    <Dialog
      title={channel ? `Change #${printable(channel.name)}` : "A new channel"}
      onClose={onClose}
    >
      <Form
        label={channel ? "Save" : "Make it"}
        done={channel ? "The channel was changed" : "The channel was created"}
        onDone={onClose}
        run={async (field) => {
          const description = field("description");
          if (channel) return channels.update(channel.name, { description });
          const [name, kind] = [field("name"), field("kind") as ChannelKind];
          const made = await channels.create({ name, description, kind });
          if (made.error) return made;
          // The person who creates a two-way channel also takes part in the conversation.
          if (kind === "two_way") await channels.subscribe(name, { since: "start" });
          go("channels", name);
          return made;
        }}
      >
        {!channel && (
          <>
            <label>
              Name
              <input
                name="name"
                required
                maxLength={63}
                pattern="[a-z0-9][a-z0-9._\-]*"
                title="Lower case letters, digits, dots, dashes, underscores"
                placeholder="findings"
              />
            </label>
            <label>
              Kind
              <select name="kind" class="field">
                {kinds.map(([kind, does]) => (
                  <option key={kind} value={kind}>
                    {does}
                  </option>
                ))}
              </select>
            </label>
          </>
        )}
        <label>
          What it is for
          <textarea name="description" rows={2} defaultValue={channel?.description ?? ""} />
        </label>
      </Form>
    </Dialog>
  );
}
