import type { AgentLife } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Condition } from "../../live/agents.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { printable } from "../../parts/text.ts";
import { MessageForm } from "./message-form.tsx";

/** The actions for an agent, depending on its status and the person's role. */
export function AgentActions(props: { space: Space; life: AgentLife; condition: Condition }) {
  const { space, life, condition } = props;
  const { agents } = space.mayfly;
  const { id } = life;
  const [writes, setWrites] = useState(false);
  if (condition === "stopped" || condition === "expired") return null;
  const name = printable(life.name);
  return (
    <>
      {space.may("message:send") && (
        <button type="button" class="button" onClick={() => setWrites(true)}>
          Message
        </button>
      )}
      {condition === "running" ? (
        <Action
          label="Suspend"
          scope="agent:stop"
          confirm={`Suspend ${name} and all its descendants?`}
          done={`${name} is suspended`}
          run={() => agents.suspend(id, "From the console.")}
        />
      ) : (
        <Action
          label="Resume"
          scope="agent:stop"
          done={`${name} is resumed`}
          run={async () => {
            const resumed = await agents.resume(id);
            // The page is not the agent's process, so it does not keep the agent alive.
            await resumed.data?.close();
            return resumed;
          }}
        />
      )}
      <Action
        label="Stop"
        tone="danger"
        scope="agent:stop"
        confirm={`Stop ${name} and all its descendants? This cannot be undone.`}
        done={`${name} is stopped`}
        run={() => agents.stop(id, "From the console.")}
      />
      {writes && <MessageForm space={space} life={life} onClose={() => setWrites(false)} />}
    </>
  );
}
