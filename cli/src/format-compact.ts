import { clock, what, whose } from "./format-parts.ts";
import type { Format } from "./format-types.ts";

/** Time, agent and what it was: for narrow places, and for grep. */
export const compactFormat = (): Format => (record) =>
  `${clock(record.at, 0)} ${whose(record)} ${what(record)}`;
