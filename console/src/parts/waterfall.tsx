import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { second } from "../live/clock.ts";
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
  inside?: ComponentChildren;
}

/** Spans one below the other, on one axis of time. */
export function Waterfall({ label, spans }: { label: string; spans: Span[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const goesOn = spans.some(({ to }) => to === null);
  const now = goesOn ? second.value : 0;
  const start = Math.min(...spans.map(({ from }) => from));
  const end = Math.max(start + 1, ...spans.map(({ from, to }) => to ?? Math.max(now, from)));
  const length = end - start;
  return (
    <div class="waterfall">
      <div class="fall-axis" aria-hidden="true">
        <span title={absoluteTime(start)}>{label}</span>
        <span class="fall-ticks">
          <span>0</span>
          <span>{duration(length / 2)}</span>
          <span>{duration(length)}</span>
        </span>
        <span />
      </div>
      {spans.map((span) => {
        const { key, from, to, inside } = span;
        const until = to ?? Math.max(now, from);
        const isOpen = open === key;
        const row = (
          <>
            <span class="fall-label">
              {inside !== undefined && <Icon name={isOpen ? "down" : "right"} size={12} />}
              {span.label}
              <span class="sr-only">{span.says}</span>
            </span>
            <span class="fall-track">
              <span
                class={`tone-${span.tone} ${barClass(span)}`}
                title={`${absoluteTime(from)}, ${duration(until - from)}`}
                style={{
                  left: `${((from - start) / length) * 100}%`,
                  ...(from !== to && { width: `${((until - from) / length) * 100}%` }),
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
                aria-expanded={isOpen}
                onClick={() => setOpen(isOpen ? null : key)}
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
