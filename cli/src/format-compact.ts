import { clock, what, whose } from "./format-parts.ts";
import type { Format } from "./format-types.ts";

/** Time, agent and what happened, for narrow windows and for grep. */
export const compactFormat = (): Format => (record) =>
  `${clock(record.at, 0)} ${whose(record)} ${what(record)}`;
