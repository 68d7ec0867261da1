import type { styleText } from "node:util";
import { compactFormat } from "./format-compact.ts";
import { humanFormat } from "./format-human.ts";
import { jsonFormat } from "./format-json.ts";
import { timelineFormat } from "./format-timeline.ts";
import type { TailRecord } from "./records.ts";

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Makes the line of a record; it may remember what came before. */
export type Format = (record: TailRecord) => string;

/** By their names on the command line. */
export const formats: Record<string, (paint: Paint) => Format> = {
  human: humanFormat,
  compact: compactFormat,
  json: jsonFormat,
  timeline: timelineFormat,
};
