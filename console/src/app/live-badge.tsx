import { duration } from "../parts/time.tsx";
import { space } from "../session/session.ts";

const words = {
  starting: "Connecting",
  live: "Live",
  "catching-up": "Behind",
  trouble: "Reconnecting",
  ended: "Stopped",
};
const tones = {
  starting: "gray",
  live: "green",
  "catching-up": "amber",
  trouble: "amber",
  ended: "red",
};

/** Shows whether the page is up to date, and how far behind it is. */
export function LiveBadge() {
  const state = space.value?.events.state.value;
  if (!state) return null;
  const { at, lagMs, message } = state;
  const behind = at === "catching-up" && lagMs !== null ? ` ${duration(lagMs)}` : "";
  const measured = lagMs === null ? "No event yet." : `The last event took ${duration(lagMs)}.`;
  return (
    <span class={`live tone-${tones[at]}`} title={message ?? measured} role="status">
      <i class="dot" />
      <span class="live-words">
        {words[at]}
        {behind}
      </span>
    </span>
  );
}
