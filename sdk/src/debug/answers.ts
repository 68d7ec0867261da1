/** Schemas of answers about debug records. See `answer-form.ts`. */
import { z } from "zod";
import { count, flag, maybeCount, row, text, value, word } from "../contract/answer-form.ts";
import type { DebugOrders, DebugRow } from "../contract/debug.ts";

interface KeptRecord extends Required<DebugRow> {
  agent_id: string;
  dropped: number;
}
export const keptRecord = row<KeptRecord>({
  id: text,
  agent_id: text,
  level: count,
  category: word,
  name: text,
  data: value,
  duration_ms: maybeCount as unknown as z.ZodType<number>,
  dropped: count,
  at: text,
});
export const debugSetting = row<{
  persist: boolean;
  level: 1 | 2 | 3 | 4;
  max_records_per_minute: number;
  keep: number;
}>({
  persist: flag,
  level: count as unknown as z.ZodType<1 | 2 | 3 | 4>,
  max_records_per_minute: count,
  keep: count,
});
export const debugOrders = row<DebugOrders>({
  levels: z.record(text, count),
  seconds: count,
  all: flag,
  sends_per_second: count,
  persist: count,
});
