import type { RunDetails, RunModelCall } from "@mayfly/sdk";
import { Badge } from "../../parts/badge.tsx";
import { dollars } from "../../parts/money.ts";
import { Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { Differences } from "./differences.tsx";
import { tokens } from "./totals.ts";

const answered = (run: RunDetails, step: number): RunModelCall | undefined =>
  run.calls.find((call) => call.step === step && call.answer);

/** A step of both runs: the answers, and the results of the tools. */
export function ComparedStep(props: {
  step: number;
  left: RunDetails;
  right: RunDetails;
  /** Whether both runs have the same record of the step. */
  shared: boolean;
}) {
  const { step, shared } = props;
  const [left, right] = [answered(props.left, step), answered(props.right, step)];
  // Equal digests mean that both models were asked the same.
  const asked = left && right && left.digest === right.digest;
  const tools = [toolsOf(props.left, step), toolsOf(props.right, step)] as const;
  return (
    <Panel
      title={`Step ${step}`}
      actions={
        shared ? (
          <Badge>shared</Badge>
        ) : (
          left &&
          right && (
            <Badge tone={asked ? "green" : "amber"}>
              {asked ? "asked the same" : "asked something else"}
            </Badge>
          )
        )
      }
    >
      <div class="compare-pair">
        <Call call={left} />
        <Call call={right} />
      </div>
      {(left?.answer?.text || right?.answer?.text) && (
        <div class="compare-pair">
          <Differences left={left?.answer?.text} right={right?.answer?.text} />
        </div>
      )}
      {(tools[0] !== null || tools[1] !== null) && (
        <div class="compare-pair">
          <Differences left={tools[0] ?? undefined} right={tools[1] ?? undefined} />
        </div>
      )}
    </Panel>
  );
}

/** The tools of a step, with their inputs and results. Null if there are none. */
function toolsOf(run: RunDetails, step: number): object | null {
  const own = run.tools.filter((tool) => tool.step === step);
  if (own.length === 0) return null;
  return own.map(({ tool, input, status, result, error }) => ({
    ...{ tool, input, status },
    ...(result !== undefined && { result }),
    ...(error && { error }),
  }));
}

function Call({ call }: { call: RunModelCall | undefined }) {
  if (!call) return <p class="muted">It has no such step.</p>;
  const { model, ms, usage = {}, usd } = call;
  return (
    <p class="compare-call">
      <bdi>{printable(model)}</bdi>
      <span class="muted">{duration(ms)}</span>
      <span class="muted">{`${tokens(usage.input ?? 0)} in, ${tokens(usage.output ?? 0)} out`}</span>
      {usd !== undefined && usd > 0 && <span class="muted">{dollars(usd)}</span>}
    </p>
  );
}
