import { useEffect } from "preact/hooks";
import { href } from "../../app/route.ts";
import { happeningOf } from "../../live/events.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Kind } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Subject } from "../../parts/subject.tsx";
import { Ago } from "../../parts/time.tsx";

/** The newest events that the agent caused or that happened to it. */
export function AgentTrail({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ agentId, subject }) => agentId === id || subject === id);
  const trail = useLoaded(() => space.mayfly.log.list({ agent: id, limit: 30 }), [id, count]);
  // It may have events from before the past hour, whose subjects the page does not know yet.
  useEffect(() => {
    if (trail.data) space.learn(trail.data.events.map(happeningOf));
  }, [trail.data]);
  return (
    <Panel
      title="Trail"
      hint="the newest 30 events"
      actions={
        <a class="button small" href={href("stream")}>
          Stream
        </a>
      }
    >
      <Show of={trail}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty title="Nothing yet." />
          ) : (
            <ol class="trail">
              {events.map(happeningOf).map((event) => (
                <li key={event.key}>
                  <Ago at={event.at} />
                  <Kind of={event.type} />
                  <span class="muted">
                    {event.agentId !== id && event.agentId !== null && <Name id={event.agentId} />}{" "}
                    {event.subject !== id && <Subject of={event} />} {event.fields?.join(", ")}
                  </span>
                </li>
              ))}
            </ol>
          )
        }
      </Show>
    </Panel>
  );
}
