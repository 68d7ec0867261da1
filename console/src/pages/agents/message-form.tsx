import type { AgentLife } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form, parseJson } from "../../parts/form.tsx";
import { printable } from "../../parts/text.ts";

/** Sends an agent a message, as the person who is signed in. */
export function MessageForm(props: { space: Space; life: AgentLife; onClose(): void }) {
  const { space, life, onClose } = props;
  return (
    <Dialog title={`Message ${printable(life.name)}`} onClose={onClose}>
      <Form
        label="Send"
        done={`Sent to ${life.name}`}
        onDone={onClose}
        run={async (field) => {
          const payload = payloadOf(field("payload"));
          if (typeof payload === "string") return payload;
          return space.mayfly.messages.send(life.id, field("type"), payload);
        }}
      >
        <label>
          Type
          <input
            name="type"
            required
            defaultValue="info"
            pattern="[a-z][a-z0-9_]*"
            list="message-types"
          />
        </label>
        <datalist id="message-types">
          {["info", "query", "task_assignment", "status_update", "instruction"].map((type) => (
            <option key={type} value={type} />
          ))}
        </datalist>
        <label>
          Text, or a JSON object
          <textarea name="payload" rows={5} required placeholder="What should it know?" />
        </label>
      </Form>
    </Dialog>
  );
}

/** A JSON object is sent as it is. Any other text becomes the text of a message. */
function payloadOf(text: string): Record<string, unknown> | string {
  if (!text.startsWith("{")) return { text };
  const parsed = parseJson(text, "The payload");
  return typeof parsed === "string" ? parsed : (parsed.value as Record<string, unknown>);
}
