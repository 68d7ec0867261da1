import { compactFormat } from "./format-compact.ts";
import { humanFormat } from "./format-human.ts";
import { jsonFormat } from "./format-json.ts";
import { timelineFormat } from "./format-timeline.ts";
import type { Format, Paint } from "./format-types.ts";

/** The formats by their names on the command line. */
export const formats: Record<string, (paint: Paint) => Format> = {
  human: humanFormat,
  compact: compactFormat,
  json: jsonFormat,
  timeline: timelineFormat,
};
