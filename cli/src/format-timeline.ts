import { told, what, whose } from "./format-parts.ts";
import type { Format, Paint } from "./format-types.ts";
import type { TailRecord } from "./records.ts";

/** If there are more agents at once, the rest share the last lane. */
const mostLanes = 12;
const ended = ["agent.stopped", "agent.expired"];

/** Time since the first record, and a lane for each agent from its first record to its end. */
export function timelineFormat(paint: Paint): Format {
  const lanes: (string | null)[] = [];
  let start: number | undefined;

  const laneOf = (id: string): number => {
    const own = lanes.indexOf(id);
    if (own >= 0) return own;
    const free = lanes.indexOf(null);
    const lane = free >= 0 ? free : Math.min(lanes.length, mostLanes - 1);
    lanes[lane] = id;
    return lane;
  };

  return (record) => {
    const at = Date.parse(record.at);
    start ??= at;
    const lane = record.agent ? laneOf(record.agent.id) : -1;
    const drawn = lanes
      .map((id, index) => (index === lane ? paint("green", markOf(record)) : id ? "│" : " "))
      .join(" ");
    if (lane >= 0 && ended.includes(record.name)) lanes[lane] = null;
    const parts = [
      paint("dim", elapsed(at - start)),
      drawn.length > 0 ? drawn : "·",
      whose(record),
      what(record),
      paint("dim", told(record)),
    ];
    return parts.join("  ").trimEnd();
  };
}

const markOf = ({ name }: TailRecord) =>
  name === "agent.spawned" ? "┌" : ended.includes(name) ? "└" : "●";

/** `+0:01.234`, in minutes and seconds. */
function elapsed(ms: number): string {
  const minutes = Math.floor(Math.max(ms, 0) / 60_000);
  const seconds = ((Math.max(ms, 0) % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `+${minutes}:${seconds}`.padStart(10);
}
