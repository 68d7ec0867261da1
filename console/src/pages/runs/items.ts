import type { RunDetails, RunModelCall, RunToolCall } from "@mayfly/sdk";
import { type Axis, shrunkAxis } from "../../parts/axis.ts";
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

export interface RunAxis extends Axis {
  /** How long the run worked. */
  busyMs: number;
}

/** A wait is drawn as a mark that is as wide as this share of the working time. */
const gapShare = 0.03;

/**
 * The time at work, from left to right. Waits for an approval or another agent, and the time between a
 * run and its fork, shrink to a mark.
 */
export function axisOf(items: readonly Item[], now: number): RunAxis {
  const spans = items
    .filter(({ kind }) => kind !== "recall")
    .map(({ from, until }): [number, number] => [from, Math.max(from + 1, until ?? now)]);
  const axis = shrunkAxis(spans, gapShare);
  const waitedMs = axis.gaps.reduce((sum, { ms }) => sum + ms, 0);
  const begin = Math.min(...spans.map(([from]) => from));
  const end = Math.max(...spans.map(([, until]) => until));
  return { ...axis, busyMs: spans.length === 0 ? 1 : end - begin - waitedMs };
}
