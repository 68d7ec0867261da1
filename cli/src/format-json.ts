import type { Format } from "./format-types.ts";

/** A JSON line for each record. */
export const jsonFormat = (): Format => (record) => JSON.stringify(record);
