import { useEffect } from "preact/hooks";
import { href } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Life } from "../../parts/life.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
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
  // The card has what the table does not: how it is at this moment.
  const { data: card, error } = useLoaded(
    () => space.mayfly.agents.get(id),
    [id, life?.status, life?.expiresAt.getTime()],
  );
  if (!life)
    return error ? (
      <Empty title="There is no such agent.">
        <a href={href("agents")}>All agents</a>
      </Empty>
    ) : (
      <div class="skeleton" role="status" aria-label="Loading" />
    );
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
          <AgentSpending space={space} life={life} />
          <AgentStates space={space} id={id} />
        </div>
        <div class="stack">
          <AgentDebug space={space} id={id} alive={condition === "running"} />
          <AgentTrail space={space} id={id} />
          <AgentInbox space={space} id={id} />
          <AgentWork space={space} id={id} />
          <AgentMemories space={space} id={id} />
        </div>
      </div>
    </>
  );
}
