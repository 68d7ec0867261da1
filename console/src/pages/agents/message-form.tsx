import type { AgentLife, MayflyError } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Refusal, say } from "../../parts/notice.tsx";
import { printable } from "../../parts/text.ts";

/** Sends an agent a message, as whoever is signed in. */
export function MessageForm(props: { space: Space; life: AgentLife; onClose(): void }) {
  const { space, life, onClose } = props;
  const [problem, setProblem] = useState<string | null>(null);
  const [error, setError] = useState<MayflyError | null>(null);
  const send = async (type: string, text: string) => {
    const payload = payloadOf(text);
    setError(null);
    setProblem(payload ? null : "The payload is no JSON object.");
    if (!payload) return;
    const sent = await space.mayfly.messages.send(life.id, type, payload);
    setError(sent.error);
    if (sent.error) return;
    say({ tone: "green", title: `Sent to ${life.name}` });
    onClose();
  };
  return (
    <Dialog title={`Message ${printable(life.name)}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          void send(String(form.get("type")), String(form.get("payload")));
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
        {problem && (
          <p class="warning" role="alert">
            {problem}
          </p>
        )}
        {error && <Refusal error={error} />}
        <button type="submit" class="button primary">
          Send
        </button>
      </form>
    </Dialog>
  );
}

/** An object as it is; a text as the text of a message. */
function payloadOf(text: string): Record<string, unknown> | null {
  if (!text.trimStart().startsWith("{")) return { text };
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
