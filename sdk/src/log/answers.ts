/** The forms of answers about what a client listens to. See `answer-form.ts`. */
import { z } from "zod";
import { count, flag, maybeCount, row, text } from "../contract/answer-form.ts";

/** The newest numbers of what a client listens to. */
export interface Newest {
  log: number | null;
  inbox: number | null;
  channels: Record<string, number>;
}
export const newest = row<Newest>({
  log: maybeCount,
  inbox: maybeCount,
  channels: z.record(text, count),
});
export const beaten = row<{ watched: boolean; newest: Newest }>({ watched: flag, newest });
