import type { Format } from "./format.ts";

/** A JSON line for each record. */
export const jsonFormat = (): Format => (record) => JSON.stringify(record);
