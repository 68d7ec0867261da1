import type { JobDetails } from "@mayfly/sdk";
import { Json } from "../../parts/json.tsx";
import { Name } from "../../parts/name.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import type { Span } from "../../parts/waterfall.tsx";
import { hasEnded } from "./job-actions.tsx";
import { sayWaits, stepTitle } from "./titles.tsx";

const tones: Record<string, string> = {
  succeeded: "green",
  running: "blue",
  waiting: "blue",
  failed: "red",
};

/** The spans of a job in the order of time: waits for a worker, attempts, and steps. */
export function spansOf(job: JobDetails): Span[] {
  const { createdAt, runAt, startedAt, finishedAt, attempts, steps, status } = job;
  const first = attempts[0]?.startedAt ?? startedAt ?? null;
  const due = Math.min(
    Math.max(createdAt.getTime(), runAt.getTime()),
    first?.getTime() ?? Infinity,
  );
  const spans: Span[] = [];
  // After a failed attempt, it is unknown when the job was first due: the pause before the next
  // attempt has overwritten that time.
  if (attempts.length === 0 && due - createdAt.getTime() > 500 && Number.isFinite(due))
    spans.push({
      ...{ key: "scheduled", label: "Not due yet", says: "not due yet", tone: "gray" },
      ...{ from: createdAt.getTime(), to: due, hollow: true },
    });
  else spans.push(queuedSpan(createdAt.getTime(), first?.getTime() ?? null, hasEnded(job)));
  for (const { attempt, startedAt: from, endedAt, error, holder } of attempts)
    spans.push({
      key: `attempt ${attempt}`,
      label: (
        <bdi>
          Attempt {attempt} <span class="muted">{oneLine(error.code, 40)}</span>
        </bdi>
      ),
      says: "failed",
      tone: "red",
      from: (from ?? endedAt).getTime(),
      to: endedAt.getTime(),
      title: `Attempt ${attempt}`,
      inside: (
        <div class="stack">
          <p>
            <Name id={holder} />: <bdi>{printable(error.message)}</bdi> <code>{error.code}</code>
          </p>
        </div>
      ),
    });
  const isRecorded = attempts.some(({ attempt }) => attempt === job.attempt);
  const lastAt = Math.max(startedAt?.getTime() ?? 0, ...steps.map(({ at }) => at.getTime()));
  if (startedAt && !isRecorded && (status === "running" || status === "waiting" || finishedAt))
    spans.push({
      key: "attempt",
      label: `Attempt ${job.attempt}`,
      says: status,
      tone: tones[status] ?? "gray",
      from: startedAt.getTime(),
      // A job that waits was worked on until about its last step.
      to: finishedAt?.getTime() ?? (status === "waiting" ? lastAt : null),
    });
  for (const { name, ms, at, result, attempt } of steps)
    spans.push({
      key: `step ${name}`,
      label: <bdi>{stepTitle(name)}</bdi>,
      says: `step, in attempt ${attempt}`,
      tone: "violet",
      from: at.getTime() - (ms ?? 0),
      to: at.getTime(),
      inner: true,
      title: stepTitle(name),
      inside: <Json value={result} open={3} />,
    });
  if (status === "waiting")
    spans.push({
      key: "waits",
      label: <bdi>{oneLine(`Waits for ${sayWaits(job.waitFor ?? []) || "a time"}`, 80)}</bdi>,
      says: "waiting",
      tone: "amber",
      from: Math.max(createdAt.getTime(), lastAt),
      to: null,
      hollow: true,
    });
  return spans.sort((one, other) => one.from - other.from || (one.to ?? 0) - (other.to ?? 0));
}

/**
 * How long a job waited for a worker after it was first due, and how long workers held it. If a job
 * waits or has waited for something, such as a signal, its earlier claims are not recorded. Then
 * `workedMs` leaves them out, and the first step shows about when the first of them began.
 */
export function timesOf(job: JobDetails, now: number): { queuedMs: number; workedMs: number } {
  const { createdAt, runAt, startedAt, finishedAt, attempts, steps, status } = job;
  const starts = [
    ...attempts.flatMap(({ startedAt }) => (startedAt ? [startedAt.getTime()] : [])),
    ...steps.map(({ at, ms }) => at.getTime() - (ms ?? 0)),
    ...(startedAt ? [startedAt.getTime()] : []),
  ];
  const first = starts.length > 0 ? Math.min(...starts) : (finishedAt?.getTime() ?? now);
  const isFirst = attempts.length === 0 && runAt.getTime() <= first;
  const due = Math.max(createdAt.getTime(), isFirst || starts.length === 0 ? runAt.getTime() : 0);
  const failedMs = attempts.reduce(
    (sum, { startedAt, endedAt }) => sum + (startedAt ? +endedAt - +startedAt : 0),
    0,
  );
  const isRecorded = attempts.some(({ attempt }) => attempt === job.attempt);
  const last = Math.max(...starts, ...steps.map(({ at }) => at.getTime()));
  const until = finishedAt?.getTime() ?? (status === "running" ? now : last);
  const lastMs = startedAt && !isRecorded ? Math.max(0, until - startedAt.getTime()) : 0;
  return { queuedMs: Math.max(0, first - due), workedMs: failedMs + lastMs };
}

const queuedSpan = (from: number, to: number | null, ended: boolean): Span => ({
  ...{ key: "queued", label: "In the queue", says: "waits for a worker", tone: "gray" },
  ...{ from, to: to ?? (ended ? from : null), hollow: true },
});
