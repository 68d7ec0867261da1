import type { ComponentChildren } from "preact";
import { second } from "../live/clock.ts";
import { type Axis, shrunkAxis } from "./axis.ts";
import { Icon } from "./icon.tsx";
import { absoluteTime, duration } from "./time.tsx";

/** A bar of the waterfall. */
export interface Span {
  key: string;
  label: ComponentChildren;
  /** The bar in words, for people who cannot see it. */
  says: string;
  tone: string;
  /** Milliseconds since 1970. */
  from: number;
  /** Null if it has not ended. */
  to: number | null;
  /** Whether the bar shows a wait instead of work. */
  hollow?: boolean;
  /** Whether the bar is part of a bar above it. */
  inner?: boolean;
  /** What is shown when the bar is picked. */
  inside?: ComponentChildren;
  /** The heading of what is inside. */
  title?: string;
}

/** Waits that are together longer than this many times the work shrink. Others are drawn to scale. */
const most = 4;
/** How much room the marks of shrunk waits take, as shares of the work: one at most, and all together. */
const [markShare, marksShare] = [0.16, 0.8];

/** The axis of all spans. Work keeps its proportions, and waits shrink if they would squeeze it. */
function axisOf(spans: readonly Pick<Span, "from" | "to" | "hollow">[], now: number): Axis {
  const ends = spans.map(({ from, to }) => to ?? Math.max(now, from));
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(start + 1, ...ends);
  const whole: Axis = { place: (at) => (at - start) / (end - start), gaps: [] };
  const work = spans.flatMap(({ from, hollow }, n): [number, number][] =>
    hollow ? [] : [[from, ends[n] ?? from]],
  );
  // Each wait has a mark of its own, because where it begins and ends is a place on the axis too.
  const points = spans.flatMap(({ from, hollow }, n): [number, number][] =>
    hollow ? [from, ends[n] ?? from].map((at): [number, number] => [at, at]) : [],
  );
  const { gaps } = shrunkAxis([...work, ...points], 0);
  if (gaps.length === 0) return whole;
  const waits = gaps.map(({ ms }) => ms);
  const waitedMs = waits.reduce((sum, ms) => sum + ms, 0);
  const workMs = end - start - waitedMs;
  // Steps of 0 ms need no room, but between long waits they need a distance from each other.
  if (workMs > 0 ? waitedMs <= most * workMs : Math.max(...waits) <= most * Math.min(...waits))
    return whole;
  return shrunkAxis([...work, ...points], Math.min(markShare, marksShare / gaps.length));
}

/** The marks that have room for their length, the longest waits first. */
function named(gaps: Axis["gaps"]): Axis["gaps"] {
  const shown: Axis["gaps"] = [];
  for (const gap of [...gaps].sort((one, other) => other.ms - one.ms))
    if (shown.every(({ at }) => Math.abs(at - gap.at) > 0.2)) shown.push(gap);
  return shown;
}

/** Moves the focus to the next or the previous bar, and picks it. */
function onKeyDown(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = event.currentTarget as HTMLElement;
  const bars = [...list.querySelectorAll<HTMLElement>("button.fall-row")];
  const at = bars.indexOf(event.target as HTMLElement);
  const next = by === undefined || at < 0 ? undefined : bars[at + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (next.getAttribute("aria-pressed") === "false") next.click();
}

/** Spans one below the other, on one axis of time. */
export function Waterfall(props: {
  label: string;
  spans: Span[];
  picked: string | null;
  onPick(key: string | null): void;
  /** Whether the inside of the picked span is shown below its bar. */
  inPlace: boolean;
}) {
  const { label, spans, picked, onPick, inPlace } = props;
  const goesOn = spans.some(({ to }) => to === null);
  const now = goesOn ? second.value : 0;
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(start + 1, ...spans.map(({ from, to }) => to ?? Math.max(now, from)));
  const length = end - start;
  const { place, gaps } = axisOf(spans, now);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of its buttons.
    <div class="waterfall" onKeyDown={onKeyDown}>
      <div class="fall-axis" aria-hidden="true">
        <span title={absoluteTime(start)}>{label}</span>
        <span class="fall-ticks">
          <span>0</span>
          {gaps.length === 0 && <span>{duration(length / 2)}</span>}
          <span>{duration(length)}</span>
        </span>
        <span />
      </div>
      {gaps.length > 0 && (
        <div class="fall-axis fall-waits">
          <span>Shrunk waits</span>
          <span class="fall-track">
            {named(gaps).map(({ at, ms }) => (
              <span key={at} style={{ left: `${at * 100}%` }} title={`waited ${duration(ms)}`}>
                {duration(ms).replace(/^(\S+ \S+) .*/, "$1")}
              </span>
            ))}
          </span>
          <span />
        </div>
      )}
      {spans.map((span) => {
        const { key, from, to, inside } = span;
        const until = to ?? Math.max(now, from);
        const isPicked = picked === key;
        const isOpen = inPlace && isPicked;
        const row = (
          <>
            <span class="fall-label">
              {inside !== undefined && <Icon name={isOpen ? "down" : "right"} size={12} />}
              {span.label}
              <span class="sr-only">{span.says}</span>
            </span>
            <span class={`fall-track ${gaps.length > 0 ? "shrunk" : ""}`}>
              {gaps.map(({ at, width, ms }) => (
                <span
                  key={at}
                  class="fall-gap"
                  title={`waited ${duration(ms)}`}
                  style={{ left: `${(at - width / 2) * 100}%`, width: `${width * 100}%` }}
                />
              ))}
              <span
                class={`tone-${span.tone} ${barClass(span)}`}
                title={`${absoluteTime(from)}, ${duration(until - from)}`}
                style={{
                  left: `${place(from) * 100}%`,
                  ...(from !== to && { width: `${(place(until) - place(from)) * 100}%` }),
                }}
              />
            </span>
            <span class="fall-took">{from === to ? "" : duration(until - from)}</span>
          </>
        );
        const className = `fall-row ${span.inner ? "fall-inner" : ""}`;
        return (
          <div key={key}>
            {inside === undefined ? (
              <div class={className}>{row}</div>
            ) : (
              <button
                type="button"
                class={className}
                {...(inPlace ? { "aria-expanded": isOpen } : { "aria-pressed": isPicked })}
                onClick={() => onPick(isPicked ? null : key)}
              >
                {row}
              </button>
            )}
            {isOpen && <div class="fall-inside">{inside}</div>}
          </div>
        );
      })}
    </div>
  );
}

const barClass = ({ from, to, hollow }: Span) =>
  ["fall-bar", from === to && "mark", hollow && "hollow", to === null && "open"]
    .filter(Boolean)
    .join(" ");
