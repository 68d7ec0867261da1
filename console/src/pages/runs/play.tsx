import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { Select } from "../../parts/select.tsx";
import { duration } from "../../parts/time.tsx";

export interface Play {
  /** How far the replay has come, from 0 to 1. Null if there is no replay. */
  at: number | null;
  runs: boolean;
  speed: number;
  busyMs: number;
  toggle(): void;
  seek(at: number): void;
  stop(): void;
  setSpeed(speed: number): void;
}

/** Replays the record at its original speed or faster. A replay calls no model and no tool. */
export function usePlay(busyMs: number): Play {
  const [at, setAt] = useState<number | null>(null);
  const [runs, setRuns] = useState(false);
  const [speed, setSpeed] = useState(1);
  useEffect(() => {
    if (!runs) return;
    let before = performance.now();
    let frame = requestAnimationFrame(function step(now) {
      const share = ((now - before) * speed) / busyMs;
      before = now;
      setAt((from) => Math.min(1, (from ?? 0) + share));
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [runs, speed, busyMs]);
  useEffect(() => {
    if (at === 1) setRuns(false);
  }, [at]);
  return {
    ...{ at, runs, speed, busyMs, setSpeed },
    toggle: () => {
      if (!runs && (at === null || at === 1)) setAt(0);
      setRuns(!runs);
    },
    seek: (to) => {
      setRuns(false);
      setAt(to);
    },
    stop: () => {
      setRuns(false);
      setAt(null);
    },
  };
}

export function Player({ play }: { play: Play }) {
  const { at, runs, speed, busyMs } = play;
  if (at === null)
    return (
      <button type="button" class="button small" onClick={play.toggle}>
        <Icon name="play" size={13} />
        Replay
      </button>
    );
  return (
    <div class="player">
      <button
        type="button"
        class="icon-button"
        aria-label={runs ? "Pause the replay" : "Continue the replay"}
        onClick={play.toggle}
      >
        <Icon name={runs ? "pause" : "play"} size={15} />
      </button>
      <input
        type="range"
        aria-label="Position in the replay"
        min="0"
        max="1000"
        value={Math.round(at * 1_000)}
        onInput={({ currentTarget }) => play.seek(Number(currentTarget.value) / 1_000)}
      />
      <span class="muted">{duration(at * busyMs)}</span>
      <Select
        label="Speed"
        value={String(speed)}
        options={["1", "4", "16"].map((one): [string, string] => [one, `${one}×`])}
        onChange={(to) => play.setSpeed(Number(to))}
      />
      <button type="button" class="icon-button" aria-label="End the replay" onClick={play.stop}>
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}
