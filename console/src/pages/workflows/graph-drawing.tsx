import type { GraphDefinition, GraphStep } from "@mayfly/sdk";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { Meter } from "../../parts/meter.tsx";
import { oneLine } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { boxHeight, boxWidth, layOut } from "./layout.ts";
import type { Standing } from "./standing.ts";

const tones: Record<string, string> = {
  ...{ open: "gray", skipped: "gray", cancelled: "gray", scheduled: "gray" },
  ...{ ready: "blue", running: "blue", waiting: "amber", succeeded: "green", failed: "red" },
};

/** Smaller text would be unreadable, so larger graphs scroll. */
const smallest = 0.75;

/** A graph with a box for each step. For a run, the boxes also show the status of their steps. */
export function GraphDrawing(props: {
  label: string;
  graph: GraphDefinition;
  standings?: Map<string, Standing>;
  picked: string | null;
  onPick(step: string): void;
}) {
  const { graph, standings, picked } = props;
  // Compare graphs by their text, because each answer contains the same graph as a new object.
  const text = JSON.stringify(graph);
  const box = useRef<HTMLElement>(null);
  const [room, setRoom] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const sizes = new ResizeObserver(() => setRoom(element.clientWidth));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  const isNarrow = room > 0 && room < 620;
  const drawn = useMemo(() => layOut(graph, isNarrow ? "TB" : "LR"), [text, isNarrow]);
  const scale = room === 0 ? 1 : Math.max(smallest, Math.min(1, room / drawn.width));
  const statusOf = (name: string) => standings?.get(name)?.status ?? "open";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: people without a mouse scroll it by keyboard.
    <section class="graph" aria-label={props.label} tabIndex={0} ref={box}>
      <div
        class="graph-all"
        style={{ width: `${drawn.width}px`, height: `${drawn.height}px`, zoom: scale }}
      >
        <svg width={drawn.width} height={drawn.height} aria-hidden="true">
          <defs>
            <marker
              id="graph-arrow"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M 0 0 L 8 4 L 0 8 z" class="graph-head" />
            </marker>
          </defs>
          {drawn.edges.map(({ from, to, optional, path }) => (
            <path
              key={`${from} ${to}`}
              d={path}
              marker-end="url(#graph-arrow)"
              class={`graph-edge ${optional ? "optional" : ""} ${edgeState(statusOf(from), statusOf(to))}`}
            />
          ))}
        </svg>
        {drawn.steps.map(({ name, left, top }) => {
          const step = graph.steps[name] ?? {};
          const standing = standings?.get(name);
          const status = statusOf(name);
          return (
            <button
              key={name}
              type="button"
              class={`graph-step tone-${tones[status] ?? "gray"} at-${status}`}
              aria-pressed={picked === name}
              style={{
                left: `${left}px`,
                top: `${top}px`,
                width: `${boxWidth}px`,
                height: `${boxHeight}px`,
              }}
              onClick={() => props.onPick(name)}
            >
              <span class="graph-name">
                <i class="dot" />
                <bdi>{oneLine(name, 40)}</bdi>
                {step.when && <Icon name="state" size={13} />}
              </span>
              <small>{standing ? sayStanding(standing) : sayStep(step)}</small>
              {standing?.items && <Progress {...standing.items} />}
            </button>
          );
        })}
      </div>
    </section>
  );
}

function Progress({ ended, of }: { ended: number; of: number }) {
  return (
    <span class="graph-progress">
      <Meter of={of === 0 ? 1 : ended / of} height={3} />
    </span>
  );
}

const edgeState = (from: string, to: string): string =>
  to === "skipped" || from === "skipped"
    ? "off"
    : to === "running" || to === "ready"
      ? "live"
      : from === "succeeded" && to !== "open"
        ? "done"
        : "";

export const sayStep = ({ map, job, when }: GraphStep): string =>
  map
    ? `for each of ${oneLine(map, 30)}`
    : job
      ? `runs ${oneLine(job.replace(/^workflow:/, ""), 30)}`
      : when
        ? "on a condition"
        : "code";

function sayStanding({ status, items, ms }: Standing): string {
  const took = status === "succeeded" && ms !== null ? `, ${duration(ms)}` : "";
  if (items && status !== "skipped") return `${items.ended} of ${items.of}${took}`;
  return `${status === "open" ? "not yet" : status}${took}`;
}
