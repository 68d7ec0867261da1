/** Schemas of answers about jobs. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  deleted,
  flag,
  list,
  maybeText,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";

import type { JobError } from "./types.ts";

export { deleted };

export const addedJobs = list(row<{ id: string; existing: boolean }>({ id: text, existing: flag }));

/** A job as a claim returns it. */
export interface ClaimedRow {
  lease: string;
  id: string;
  tenant_id: string;
  queue: string;
  name: string;
  input: unknown;
  attempt: number;
  max_attempts: number;
  priority: number;
  run_at: string;
  created_at: string;
  lease_end: string;
  parent_id?: string;
  key?: string;
  trace?: string;
  answers?: string;
  deadline?: string;
  timeout?: number;
  /** What earlier attempts recorded, unless it is too large to come with the claim. */
  steps?: Record<string, unknown>;
}
const named = z.record(text, value);
const claimed = row<ClaimedRow>({
  lease: text,
  id: text,
  tenant_id: text,
  queue: text,
  name: text,
  input: value,
  attempt: count,
  max_attempts: count,
  priority: count,
  run_at: text,
  created_at: text,
  lease_end: text,
  parent_id: text.optional(),
  key: text.optional(),
  trace: text.optional(),
  answers: text.optional(),
  deadline: text.optional(),
  timeout: count.optional(),
  steps: named.optional(),
});
/** A new job that is sent to a sleeping worker, whose id is `worker`. */
export const sentJob = row<{ worker: string; job: ClaimedRow }>({ worker: text, job: claimed });

/**
 * The position from which the next claim continues. Pass it to the next claim. You may leave out or empty
 * its `marks`, but change nothing else.
 */
export interface Place {
  marks?: unknown[];
  due?: string;
  [more: string]: unknown;
}
export interface Turn {
  jobs: ClaimedRow[];
  place: Place;
  /** How long the search for jobs took in the database, in milliseconds. */
  took: number;
  /** True if the claim found nothing although somebody was adding jobs at that time. */
  late?: boolean;
  /**
   * True if the claim found nothing, and the worker was registered to be woken before the claim began.
   */
  asleep?: boolean;
  /** Seconds until the first lease of the tenant ends. Set if there are no more jobs. */
  look_in?: number | null;
  lost?: number[];
  cancelled?: number[];
  failed?: string[];
}
const place = z.custom<Place>((given) => given instanceof Object);
export const turned = row<Turn>({
  jobs: list(claimed),
  place,
  took: count,
  late: flag.optional(),
  asleep: flag.optional(),
  look_in: z.number().nullish(),
  lost: z.array(count).optional(),
  cancelled: z.array(count).optional(),
  failed: texts.optional(),
});
export const completed = row<{ lost: number[]; cancelled: number[] }>({
  lost: z.array(count),
  cancelled: z.array(count),
});
export const heard = row<{ lost: number[]; cancelled: number[]; lease_end: string }>({
  lost: z.array(count),
  cancelled: z.array(count),
  lease_end: text,
});
export const failedJobs = texts;
export const released = row<{ released: number }>({ released: count });
export const recorded = row<{ known: Record<string, unknown> }>({ known: named });
export const readSteps = row<{
  steps: Record<string, unknown>;
  last: string | null;
  more: boolean;
}>({
  steps: named,
  last: maybeText,
  more: flag,
});
export const waited = row<{ signal?: string; payload?: unknown; timeout?: true; waiting?: true }>({
  signal: text.optional(),
  payload: value.optional(),
  timeout: z.literal(true).optional(),
  waiting: z.literal(true).optional(),
});
/** What a parent learns when its child has ended. */
export const childEnd = row<{ status: string; result?: unknown; error?: JobError }>({
  status: word,
  result: value.optional(),
  error: row<JobError>({ code: text, message: text }).optional(),
});
export const markedCall = row<{ known: boolean }>({ known: flag });
export const woken = row<{ woken: boolean }>({ woken: flag });
export const cancelledJobs = row<{ cancelled: number; cancelling: number }>({
  cancelled: count,
  cancelling: count,
});
export const redriven = row<{ redriven: number }>({ redriven: count });
export const discarded = row<{ discarded: number }>({ discarded: count });

const withStatus = { id: text, name: text, status: word };
export const jobRow = z.custom<Record<string, unknown>>(
  (given) => row(withStatus as never).safeParse(given).success,
);
export const queueRow = row<{ queue: string }>({ queue: text });
export const limitsRow = row<{ name: string }>({ name: text });
export const scheduleRow = row<{ name: string; cron: string; next_at: string | null }>({
  name: text,
  cron: text,
  next_at: maybeText,
});
