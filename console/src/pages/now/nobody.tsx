import type { AgentLife } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty } from "../../parts/panel.tsx";
import { duration, relative } from "../../parts/time.tsx";
import { config } from "../../session/session.ts";
import { goTo, playing } from "./view.ts";

/** The events that say that an agent was alive. */
const lives = ["agent.spawned", "agent.stopped", "agent.expired"];

/** Shown instead of the page if no agent was alive within the past hour. */
export function NobodyThisHour({ space }: { space: Space }) {
  const { data } = useLoaded(() => space.mayfly.log.list({ types: lives, limit: 1 }), [space]);
  const last = data?.events[0];
  return (
    <Empty title="No agent was alive within the past hour.">
      <p>
        Spawn one, and its life appears here at once: <code>await mayfly.spawn()</code> in a
        program, or <code>npx mayfly spawn</code> in a terminal.
        {config.value?.local && (
          <>
            {" "}
            <code>npm run seed</code> makes a whole team.
          </>
        )}
      </p>
      {last && (
        <p class="then">
          The last agent was alive {relative(Date.parse(last.at), second.value)}. The{" "}
          <a class="underlined" href={href("stream")}>
            stream
          </a>{" "}
          has what happened before
          {space.may("memory:read") && (
            <>
              , and{" "}
              <a class="underlined" href={href("memory")}>
                memory
              </a>{" "}
              what earlier agents learned
            </>
          )}
          .
        </p>
      )}
    </Empty>
  );
}

/**
 * Lies over the board if no agent was alive in the span of time that the board shows, although one was within the past
 * hour. Leads to the closest one.
 */
export function NobodyHere(props: { space: Space; head: number; isLive: boolean }) {
  const { space, head, isLive } = props;
  const { last, next } = closestTo(space, head);
  // The page has just opened in a tenant of which nothing is known yet.
  if (!last && !next) return null;
  const when = isLive ? "now" : "at this time";
  return (
    <div class="board-empty">
      <Empty title={`No agent is alive ${when}.`}>
        {last && (
          <Closest
            life={last}
            says={`ended ${duration(head - space.agents.endOf(last))} ${isLive ? "ago" : "earlier"}`}
            at={space.agents.endOf(last)}
          />
        )}
        {next && (
          <Closest
            life={next}
            says={`was spawned ${duration(next.spawnedAt.getTime() - head)} later`}
            at={next.spawnedAt.getTime()}
          />
        )}
      </Empty>
    </div>
  );
}

function Closest({ life, says, at }: { life: AgentLife; says: string; at: number }) {
  const go = () => {
    playing.value = false;
    goTo(at);
  };
  return (
    <p class="then">
      <Name id={life.id} /> {says}.{" "}
      <button type="button" class="button small" onClick={go}>
        Show
      </button>
    </p>
  );
}

/** The agent that ended last before an instant, and the one that was spawned first after it. */
function closestTo({ agents }: Space, at: number): { last?: AgentLife; next?: AgentLife } {
  const closest: { last?: AgentLife; next?: AgentLife } = {};
  for (const life of agents.within(second.value)) {
    const isPast = agents.endOf(life) <= at;
    if (isPast && (!closest.last || agents.endOf(life) > agents.endOf(closest.last)))
      closest.last = life;
    const isNext = life.spawnedAt.getTime() > at;
    if (isNext && (!closest.next || life.spawnedAt < closest.next.spawnedAt)) closest.next = life;
  }
  return closest;
}
