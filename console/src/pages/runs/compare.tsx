import type { RunDetails } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { costOf, dollars } from "../../parts/money.ts";
import { Empty, Head, Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { ComparedStep } from "./compared-step.tsx";
import { Differences } from "./differences.tsx";
import { tokens } from "./totals.ts";

/** Two runs side by side: their totals, and step by step where they differ. */
export function Compare(props: { space: Space; left: string; right: string }) {
  const { space, left, right } = props;
  const count = useCount(space, ({ subject }) => subject === left || subject === right);
  const both = useLoaded(async () => {
    const [one, other] = await Promise.all([left, right].map((id) => space.mayfly.runs.get(id)));
    if (one?.error) return one;
    if (other?.error) return other;
    return { data: [one?.data, other?.data] as [RunDetails, RunDetails], error: null };
  }, [left, right, count]);
  return (
    <>
      <Head title="Two runs" about="Step by step, with what differs marked.">
        <a class="button" href={href("runs", right, "with", left)}>
          Swap
        </a>
      </Head>
      <Show of={both}>{([one, other]) => <Body left={one} right={other} />}</Show>
    </>
  );
}

function Body({ left, right }: { left: RunDetails; right: RunDetails }) {
  const steps = Math.max(left.steps, right.steps);
  const shared = sharedSteps(left, right);
  return (
    <div class="stack compare">
      <div class="compare-heads">
        <RunHead run={left} />
        <RunHead run={right} />
      </div>
      <Totals left={left} right={right} />
      <Panel title="Input">
        <div class="compare-pair">
          <Differences left={left.input} right={right.input} />
        </div>
      </Panel>
      {Array.from({ length: steps }, (_, at) => at + 1).map((step) => (
        <ComparedStep key={step} step={step} left={left} right={right} shared={step <= shared} />
      ))}
      {steps === 0 && <Empty title="Neither has taken a step yet." />}
      <Panel title="Output">
        <div class="compare-pair">
          <Differences left={left.output} right={right.output} />
        </div>
      </Panel>
    </div>
  );
}

/**
 * How many steps two runs share because one is a fork of the other, or both are forks of the same
 * run. Both runs have the same records of these steps, not just equal ones.
 */
function sharedSteps(left: RunDetails, right: RunDetails): number {
  if (right.forkedFrom === left.id) return (right.forkedAt ?? 1) - 1;
  if (left.forkedFrom === right.id) return (left.forkedAt ?? 1) - 1;
  if (left.forkedFrom && left.forkedFrom === right.forkedFrom)
    return Math.min(left.forkedAt ?? 1, right.forkedAt ?? 1) - 1;
  return 0;
}

function RunHead({ run }: { run: RunDetails }) {
  return (
    <a class="compare-head" href={href("runs", run.id)}>
      <b>
        <bdi>{printable(run.agent)}</bdi>
      </b>
      <Status of={run.status} />
      <small class="muted">
        <Ago at={run.createdAt} />
        {run.forkedFrom && `, forked at step ${run.forkedAt}`}
      </small>
    </a>
  );
}

function Totals({ left, right }: { left: RunDetails; right: RunDetails }) {
  const rows: [
    string,
    (run: RunDetails) => number,
    (value: number) => string,
    ((run: RunDetails) => string)?,
  ][] = [
    ["Steps", ({ steps }) => steps, String],
    ["At work", ({ activeMs }) => activeMs, duration],
    ["Tokens in", ({ inputTokens }) => inputTokens, tokens],
    ["Tokens out", ({ outputTokens }) => outputTokens, tokens],
    ["Tools", ({ tools }) => tools.length, String],
    ["Cost", ({ usd }) => usd, dollars, costOf],
  ];
  return (
    <div class="figures">
      {rows.map(([label, pick, form, say = (run: RunDetails) => form(pick(run))]) => {
        const [one, other] = [pick(left), pick(right)];
        return (
          <div key={label} class="figure">
            <span>{label}</span>
            <strong>
              {say(left)} <span class="muted">→</span> {say(right)}
            </strong>
            <small>{change(one, other)}</small>
          </div>
        );
      })}
    </div>
  );
}

function change(one: number, other: number): string {
  if (one === other) return "the same";
  if (one === 0) return "more";
  const share = Math.round(((other - one) / one) * 100);
  if (share === 0) return "nearly the same";
  return `${share > 0 ? "+" : "−"}${Math.abs(share).toLocaleString("en")} %`;
}
