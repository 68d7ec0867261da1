import { useEffect } from "preact/hooks";
import { href } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Life } from "../../parts/life.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Head, Missing } from "../../parts/panel.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { AgentActions } from "./agent-actions.tsx";
import { AgentDebug } from "./agent-debug.tsx";
import { AgentIdentity } from "./agent-identity.tsx";
import { AgentInbox } from "./agent-inbox.tsx";
import { AgentMemories } from "./agent-memories.tsx";
import { AgentSpending } from "./agent-spending.tsx";
import { AgentStates } from "./agent-states.tsx";
import { AgentTrail } from "./agent-trail.tsx";
import { AgentWork } from "./agent-work.tsx";

/** Everything about one agent, living or dead. */
export function OneAgent({ space, id }: { space: Space; id: string }) {
  useEffect(() => space.agents.want([id]), [id]);
  void space.agents.version.value;
  const life = space.agents.get(id);
  // The card has the agent's current status and activity, which the table does not have.
  const { data: card, error } = useLoaded(
    () => space.mayfly.agents.get(id),
    [id, life?.status, life?.expiresAt.getTime()],
  );
  if (!life)
    return error ? (
      <Missing title="There is no such agent." back={[href("agents"), "All agents"]}>
        It may be of another tenant, or it ended so long ago that it was deleted.
      </Missing>
    ) : (
      <div class="skeleton" role="status" aria-label="Loading" />
    );
  const { may } = space;
  const condition = space.agents.conditionAt(life, second.value);
  return (
    <>
      <Head
        title={
          <>
            <bdi>{printable(life.name)}</bdi>{" "}
            <Status of={condition === "running" ? (card?.activity ?? "running") : condition} />
          </>
        }
        about={life.task ? oneLine(life.task, 300) : undefined}
      >
        <Life agents={space.agents} of={life} />
        <Copy text={id} label="Id" />
        <AgentActions space={space} life={life} condition={condition} />
      </Head>
      <div class="grid agent-grid">
        <div class="stack">
          <AgentIdentity life={life} condition={condition} />
          {may("cost:read") && <AgentSpending space={space} life={life} />}
          {may("state:read") && <AgentStates space={space} id={id} />}
        </div>
        <div class="stack">
          {may("debug:read") && (
            <AgentDebug space={space} id={id} alive={condition === "running"} />
          )}
          <AgentTrail space={space} id={id} />
          {may("message:read") && <AgentInbox space={space} id={id} />}
          {may("job:read") && <AgentWork space={space} id={id} />}
          {may("memory:read") && <AgentMemories space={space} id={id} />}
        </div>
      </div>
    </>
  );
}
