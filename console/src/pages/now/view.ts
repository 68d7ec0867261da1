// Which time is shown: now, or an instant of the past hour that is replayed.
import { computed, signal } from "@preact/signals";
import { hourMs } from "../../live/agents.ts";

export const spans = { "2 min": 120_000, "5 min": 300_000, "15 min": 900_000, "1 h": hourMs };
export const speeds = [1, 5, 20, 60];
/**
 * How much of the width is to the right of the present, as a share. This part shows how long agents
 * still live.
 */
export const ahead = 0.28;

export const spanMs = signal(spans["5 min"]);
/** The instant of the past that is shown. Null means live. */
export const pastAt = signal<number | null>(null);
export const playing = signal(false);
export const speed = signal(20);
export const isLive = computed(() => pastAt.value === null);

/** The instant at the line of the present. */
export const headAt = (): number => pastAt.value ?? Date.now();

export function goLive(): void {
  pastAt.value = null;
  playing.value = false;
}

/** Moves to an instant. Moving to the present means live. */
export function goTo(at: number): void {
  const now = Date.now();
  if (at >= now - 1_000) goLive();
  else pastAt.value = Math.max(now - hourMs, at);
}

/** Moves on by the time since the last frame. */
export function advance(passedMs: number): void {
  if (playing.value && pastAt.value !== null) goTo(pastAt.value + passedMs * speed.value);
}

/** Plays from here. At the present, plays the past hour from its beginning. */
export function play(): void {
  if (pastAt.value === null) pastAt.value = Date.now() - hourMs;
  playing.value = true;
}

/** The span of time that is shown. */
export function windowAt(head: number): { from: number; to: number } {
  const span = spanMs.value;
  return { from: head - span * (1 - ahead), to: head + span * ahead };
}
