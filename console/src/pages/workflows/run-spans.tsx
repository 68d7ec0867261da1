import type { Checkpoint, WorkflowQuery } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { IconName } from "../../parts/icon.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Json } from "../../parts/json.tsx";
import type { Span } from "../../parts/waterfall.tsx";
import { sayWaits, stepTitle } from "../jobs/titles.tsx";

const looks: Partial<Record<Checkpoint["kind"], [string, IconName]>> = {
  step: ["violet", "work"],
  signal: ["amber", "send"],
  sleep: ["gray", "moon"],
  child: ["blue", "runs"],
  approve: ["pink", "approvals"],
  any: ["amber", "more"],
  now: ["gray", "now"],
  random: ["gray", "state"],
};
const marks = ["timer", "asked", "begun", "report"];

/** The spans of a run of code: its checkpoints, each from its beginning to its record, and then its waits. */
export function runSpans(run: WorkflowQuery, checkpoints: Checkpoint[]): Span[] {
  const begun = new Map(
    checkpoints
      .filter(({ kind }) => kind === "timer" || kind === "asked")
      .map(({ name, at }) => [name.replace(/: (until|asked)$/, ""), at.getTime()]),
  );
  const created = run.createdAt.getTime();
  const drawn = checkpoints.filter(({ kind }) => !marks.includes(kind));
  const spans = drawn.map(({ seq, kind, name, ms, at, result, attempt }, place): Span => {
    const [tone, icon] = looks[kind] ?? ["violet", "work"];
    const to = at.getTime();
    // A wait records no start, so it is drawn from the checkpoint before it.
    const before = drawn[place - 1]?.at.getTime() ?? created;
    const waits = kind !== "step" && kind !== "now" && kind !== "random";
    const from = ms !== null ? to - ms : waits ? (begun.get(name) ?? before) : to;
    const id = childOf(result);
    return {
      key: String(seq),
      label: (
        <>
          <span class={`toned tone-${tone}`}>
            <Icon name={icon} size={14} />
          </span>
          <bdi>{stepTitle(name)}</bdi>
        </>
      ),
      says: `${kind}, in attempt ${attempt}`,
      ...{ tone, from: Math.min(from, to), to, hollow: waits },
      title: stepTitle(name),
      inside: (
        <div class="stack">
          {id && (
            <a class="underlined" href={href(kind === "approve" ? "approvals" : "jobs", id)}>
              {kind === "approve" ? "The approval" : "Its job"}
            </a>
          )}
          <Json value={result} open={3} />
        </div>
      ),
    };
  });
  const last = drawn.at(-1)?.at.getTime() ?? created;
  if (run.status === "waiting")
    spans.push({
      key: "waits",
      label: <bdi>Waits for {sayWaits(run.waitsFor ?? []) || "a time"}</bdi>,
      ...{ says: "waiting", tone: "amber", from: last, to: null, hollow: true },
    });
  else if (run.status === "running" || run.status === "ready")
    spans.push({
      key: "goes on",
      label: run.status === "running" ? "Running" : "Waits for a worker",
      ...{ says: run.status, tone: "blue", from: last, to: null, hollow: run.status === "ready" },
    });
  return spans;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

function childOf(result: unknown): string | null {
  const id = typeof result === "object" && result !== null && "id" in result ? result.id : null;
  return typeof id === "string" && uuid.test(id) ? id : null;
}
