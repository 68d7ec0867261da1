import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Name } from "../../parts/name.tsx";
import { plural } from "../../parts/text.ts";
import { At, duration } from "../../parts/time.tsx";
import { isFailure, lineOf, titleOf } from "./entry.ts";
import type { Line } from "./group.ts";

export const rowHeight = 29;

/** One line: time, agent, kind and text. */
export function EntryRow(props: {
  space: Space;
  line: Line;
  isPicked: boolean;
  onPick(): void;
  onToggle(): void;
}) {
  const { space, line, isPicked } = props;
  const { entry, depth, inside } = line;
  const durationMs = entry.from === "debug" ? entry.record.durationMs : null;
  const took = inside ? inside.until - entry.at : durationMs;
  return (
    <div
      class={`line ${isPicked ? "picked" : ""} ${isFailure(entry) ? "failure" : ""}`}
      data-from={entry.from}
    >
      <At at={entry.at} exact />
      <span class="line-who">
        <Name id={entry.agentId} />
      </span>
      <span class="line-fold" style={{ paddingLeft: `${depth * 16}px` }}>
        {inside ? (
          <button
            type="button"
            class="plain"
            aria-expanded={inside.open}
            aria-label={inside.open ? "Close the task" : "Open the task"}
            onClick={props.onToggle}
          >
            <Icon name={inside.open ? "down" : "right"} size={13} />
          </button>
        ) : (
          depth > 0 && <i class="line-guide" />
        )}
      </span>
      <button type="button" class="line-what" aria-pressed={isPicked} onClick={props.onPick}>
        <Kind of={entry.from === "log" ? titleOf(entry) : entry.kind} />
        <span class="line-says">
          {entry.from === "debug" && <bdi class="line-title">{titleOf(entry)}</bdi>}
          <bdi class="line-text">{lineOf(space, entry)}</bdi>
        </span>
        <span class="line-end">
          {inside && <span>{plural(inside.count, "line")}</span>}
          {inside && inside.failures > 0 && <b>{plural(inside.failures, "failure")}</b>}
          {took !== null && took > 0 && <span>{duration(took)}</span>}
        </span>
      </button>
    </div>
  );
}
