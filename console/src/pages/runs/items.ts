import type { RunDetails, RunModelCall, RunToolCall } from "@mayfly/sdk";
import type { Spoken } from "./follow.ts";

/** A line of a run's timeline. */
export type Item = {
  /** Its name in the address. */
  key: string;
  step: number;
  from: number;
  /** Null while it runs. */
  until: number | null;
  failed: boolean;
} & (
  | { kind: "recall"; count: number }
  | { kind: "call"; call: RunModelCall }
  | { kind: "tool"; tool: RunToolCall }
  /** The answer that a model is writing, which is not recorded yet. */
  | { kind: "live"; spoken: Spoken }
);

/** Everything that a run did, in the order of time. */
export function itemsOf(run: RunDetails, spoken: Spoken | null): Item[] {
  const items: Item[] = run.calls.map((call) => ({
    kind: "call",
    key: `call-${call.step}-${call.try}`,
    step: call.step,
    from: call.at.getTime() - call.ms,
    until: call.at.getTime(),
    failed: call.error !== undefined,
    call,
  }));
  for (const tool of run.tools) {
    const from = tool.startedAt?.getTime() ?? tool.endedAt?.getTime();
    items.push({
      kind: "tool",
      key: `tool-${tool.step}-${tool.callId}`,
      step: tool.step,
      // If a tool never started because it was not approved, it is placed after the answer that
      // called it.
      from: from ?? endOfStep(run, tool.step),
      until: tool.endedAt?.getTime() ?? (from === undefined ? endOfStep(run, tool.step) : null),
      failed: tool.status === "failed" || tool.status === "denied",
      tool,
    });
  }
  const begun = Math.min(...items.map(({ from }) => from), startOf(run));
  if (run.context && run.context.memories.length > 0)
    items.push({
      ...{ kind: "recall", key: "recall", step: 0, from: begun, until: begun, failed: false },
      count: run.context.memories.length,
    });
  if (spoken)
    items.push({
      ...{ kind: "live", key: "live", step: spoken.step, from: spoken.at, until: null },
      ...{ failed: false, spoken },
    });
  return items.sort(
    (one, other) => one.step - other.step || rank(one) - rank(other) || one.from - other.from,
  );
}

const rank = ({ kind }: Item) => ({ recall: 0, call: 1, live: 1, tool: 2 })[kind];

const startOf = ({ startedAt, createdAt }: RunDetails) => (startedAt ?? createdAt).getTime();

const endOfStep = (run: RunDetails, step: number): number =>
  run.calls.findLast((call) => call.step === step)?.at.getTime() ?? startOf(run);

/** A span without work: a wait for an approval or another agent, or the time between a run and its fork. */
export interface Gap {
  /** The place of the gap on the axis, from 0 to 1. */
  at: number;
  ms: number;
}

export interface Axis {
  /** The place of an instant, from 0 to 1. */
  place(at: number): number;
  gaps: Gap[];
  /** How long the run worked. */
  busyMs: number;
}

/**
 * A wait that is longer than this share of the working time is drawn as a mark. The mark is as wide
 * as this share.
 */
const gapShare = 0.03;
const noticedMs = 1_000;

/** The time at work, from left to right. Long waits shrink to a mark, to leave room for the work. */
export function axisOf(items: readonly Item[], now: number): Axis {
  const spans = items
    .filter(({ kind }) => kind !== "recall")
    .map(({ from, until }): [number, number] => [from, Math.max(from + 1, until ?? now)])
    .sort((one, other) => one[0] - other[0]);
  const busy: [number, number][] = [];
  for (const [from, until] of spans) {
    const last = busy.at(-1);
    if (last && from <= last[1] + noticedMs) last[1] = Math.max(last[1], until);
    else busy.push([from, until]);
  }
  const busyMs = busy.reduce((sum, [from, until]) => sum + until - from, 0) || 1;
  const gapMs = busyMs * gapShare;
  const length = busyMs + gapMs * Math.max(0, busy.length - 1);
  const gaps: Gap[] = [];
  const begins: number[] = [];
  let at = 0;
  for (const [index, [from, until]] of busy.entries()) {
    const before = busy[index - 1];
    if (before) {
      gaps.push({ at: (at + gapMs / 2) / length, ms: from - before[1] });
      at += gapMs;
    }
    begins.push(at);
    at += until - from;
  }
  const place = (instant: number): number => {
    for (const [index, [from, until]] of busy.entries()) {
      const begin = begins[index] ?? 0;
      if (instant < from) return begin / length;
      if (instant <= until) return (begin + instant - from) / length;
    }
    return 1;
  };
  return { place, gaps, busyMs };
}
