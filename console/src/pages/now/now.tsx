import "./now.css";
import { useState } from "preact/hooks";
import { hourMs } from "../../live/agents.ts";
import { second } from "../../live/clock.ts";
import { saysFailure } from "../../live/events.ts";
import { Figure } from "../../parts/panel.tsx";
import type { PageProps } from "../page.ts";
import { Board, type Picked } from "./board.tsx";
import { Details } from "./details.tsx";
import { NobodyThisHour } from "./nobody.tsx";
import { Scrubber } from "./scrubber.tsx";
import { pastAt } from "./view.ts";

const minuteMs = 60_000;

/** Which agents are alive, and what happens between them, now and within the past hour. */
export default function Now({ space }: PageProps) {
  const [picked, setPicked] = useState<Picked | null>(null);
  void space.agents.version.value;
  void space.events.timeline.version.value;
  const { timeline, state } = space.events;
  if (space.agents.within(second.value).length === 0 && state.value.at !== "starting")
    return (
      <>
        <h1>Now</h1>
        <NobodyThisHour space={space} />
      </>
    );
  return (
    <div class={`now ${picked ? "picked" : ""}`}>
      <h1>Now</h1>
      <Summary space={space} />
      <div class="now-middle">
        <Board space={space} onPick={setPicked} />
        {picked && <Details space={space} of={picked} onClose={() => setPicked(null)} />}
      </div>
      <Scrubber happened={timeline.items} />
    </div>
  );
}

/** Five numbers about the past hour. */
function Summary({ space }: Pick<PageProps, "space">) {
  const at = pastAt.value ?? second.value;
  const counts = { running: 0, suspended: 0, stopped: 0, expired: 0 };
  for (const life of space.agents.within(at)) counts[space.agents.conditionAt(life, at)]++;
  const { items, from } = { items: space.events.timeline.items, from: at - minuteMs };
  const { timeline } = space.events;
  const lastMinute = items.slice(timeline.from(from), timeline.from(at + 1));
  const messages = lastMinute.filter(({ type }) => type === "message.sent").length;
  const sinceHour = items.slice(timeline.from(at - hourMs), timeline.from(at + 1));
  const failures = sinceHour.filter(saysFailure).length;
  return (
    <div class="figures now-figures">
      <Figure label="Living" value={counts.running} tone="green" />
      <Figure
        label="Suspended"
        value={counts.suspended}
        {...(counts.suspended > 0 && { tone: "amber" })}
      />
      <Figure label="Ended this hour" value={counts.stopped + counts.expired} />
      <Figure label="Events a minute" value={lastMinute.length} />
      <Figure label="Messages a minute" value={messages} />
      <Figure label="Failures this hour" value={failures} {...(failures > 0 && { tone: "red" })} />
    </div>
  );
}
