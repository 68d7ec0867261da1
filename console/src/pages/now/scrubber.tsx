import { useMemo } from "preact/hooks";
import { hourMs } from "../../live/agents.ts";
import { second } from "../../live/clock.ts";
import type { Happening } from "../../live/events.ts";
import { Icon } from "../../parts/icon.tsx";
import { clockTime, relative } from "../../parts/time.tsx";
import {
  goLive,
  goTo,
  isLive,
  pastAt,
  play,
  playing,
  spanMs,
  spans,
  speed,
  speeds,
} from "./view.ts";

const buckets = 120;

/** The past hour, which you can drag through and replay. */
export function Scrubber({ happened }: { happened: readonly Happening[] }) {
  const now = second.value;
  const from = now - hourMs;
  const counts = useMemo(
    () => countsOf(happened, from),
    [happened.length, Math.floor(now / 5_000)],
  );
  const most = Math.max(1, ...counts);
  const head = pastAt.value ?? now;
  return (
    <div class="scrubber">
      <div class="actions">
        <button
          type="button"
          class="icon-button"
          aria-label={playing.value ? "Pause" : "Replay"}
          title={playing.value ? "Pause" : "Replay the past hour"}
          onClick={() => {
            if (playing.value) playing.value = false;
            else play();
          }}
        >
          <Icon name={playing.value ? "pause" : "play"} />
        </button>
        <select
          class="field small"
          aria-label="Speed"
          value={speed.value}
          onChange={({ currentTarget }) => {
            speed.value = Number(currentTarget.value);
          }}
        >
          {speeds.map((times) => (
            <option key={times} value={times}>
              {times}×
            </option>
          ))}
        </select>
      </div>
      <div class="scrubber-track">
        <svg viewBox={`0 0 ${buckets} 30`} preserveAspectRatio="none" aria-hidden="true">
          {counts.map((count, at) => {
            const height = count === 0 ? 0 : 2 + (Math.sqrt(count) / Math.sqrt(most)) * 27;
            return (
              <rect key={at} x={at + 0.1} width={0.8} y={30 - height} height={height} rx={0.3} />
            );
          })}
        </svg>
        <input
          type="range"
          aria-label="The instant that is shown"
          aria-valuetext={isLive.value ? "now" : `${clockTime(head)}, ${relative(head, now)}`}
          min={from}
          max={now}
          step={1_000}
          value={head}
          onInput={({ currentTarget }) => {
            playing.value = false;
            goTo(Number(currentTarget.value));
          }}
        />
      </div>
      <div class="actions">
        {isLive.value ? (
          <span class="muted scrubber-time">now</span>
        ) : (
          <>
            <span class="scrubber-time" title={relative(head, now)}>
              {clockTime(head)}
            </span>
            <button type="button" class="button small primary" onClick={goLive}>
              Back to now
            </button>
          </>
        )}
        <select
          class="field small"
          aria-label="Span"
          value={spanMs.value}
          onChange={({ currentTarget }) => {
            spanMs.value = Number(currentTarget.value);
          }}
        >
          {Object.entries(spans).map(([label, ms]) => (
            <option key={ms} value={ms}>
              {label}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function countsOf(happened: readonly Happening[], from: number): number[] {
  const counts = new Array<number>(buckets).fill(0);
  for (const { at } of happened) {
    const bucket = Math.floor(((at - from) / hourMs) * buckets);
    if (bucket >= 0 && bucket < buckets) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}
