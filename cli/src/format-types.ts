import type { styleText } from "node:util";
import type { TailRecord } from "./records.ts";

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Makes the line of a record. It may remember earlier records. */
export type Format = (record: TailRecord) => string;
