import type { styleText } from "node:util";
import type { TailRecord } from "./records.ts";

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Makes the line of a record. A format may remember earlier records for this. */
export type Format = (record: TailRecord) => string;
