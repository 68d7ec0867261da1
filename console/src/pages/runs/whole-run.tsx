import type { RunDetails } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { AttributeLinks } from "../../parts/attributes.tsx";
import { Bar } from "../../parts/bar.tsx";
import { Copy } from "../../parts/copy.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { dollars } from "../../parts/money.ts";
import { Name } from "../../parts/name.tsx";
import { Facts, Panel } from "../../parts/panel.tsx";
import { Ago, duration } from "../../parts/time.tsx";
import { Value } from "./said.tsx";
import { Section } from "./section.tsx";
import { isOver } from "./totals.ts";

/** To find this run's forks, at most this many of the agent's newest runs are read. */
const looked = 200;

/** A run's input and output, its origin, and how near it came to its limits. */
export function WholeRun(props: { space: Space; run: RunDetails; onPick(key: string): void }) {
  const { space, run } = props;
  const { agent, createdBy, createdAt, startedAt, endedAt, parentId, forkedFrom, forkedAt } = run;
  const forks = useLoaded(
    () => space.mayfly.runs.list({ agent, limit: looked }),
    [run.id, run.status],
  );
  const { attributes } = run;
  const facts: [string, ComponentChildren][] = [
    ["Started", <Ago key="at" at={createdAt} />],
    ["By", <Name key="by" id={createdBy ?? null} />],
  ];
  if (attributes)
    facts.unshift(["Attributes", <AttributeLinks key="attributes" of={attributes} page="runs" />]);
  if (startedAt && startedAt.getTime() - createdAt.getTime() > 1_000)
    facts.push(["Was taken", `after ${duration(startedAt.getTime() - createdAt.getTime())}`]);
  if (endedAt) facts.push(["Ended", <Ago key="ended" at={endedAt} />]);
  if (run.repairs > 0) facts.push(["Repairs", `${run.repairs}: its answer did not fit the schema`]);
  if (parentId)
    facts.push([
      "Asked by",
      <a key="parent" href={href("runs", parentId)}>
        another run
      </a>,
    ]);
  if (forkedFrom)
    facts.push([
      "Forked",
      <span key="fork">
        from <a href={href("runs", forkedFrom)}>a run</a> at step {forkedAt},{" "}
        <a href={href("runs", forkedFrom, "with", run.id)}>compare the two</a>
      </span>,
    ]);
  const own = (forks.data ?? []).filter((one) => one.forkedFrom === run.id);
  return (
    <Panel
      title="The whole run"
      class="picked"
      actions={<Copy text={() => JSON.stringify(run, null, 2)} label="JSON" />}
    >
      <Section title="Input">
        <Value of={run.input} />
      </Section>
      {(run.output !== null || isOver(run)) && (
        <Section title="Output">
          {run.output === null ? (
            <span class="muted">It gave none.</span>
          ) : (
            <Value of={run.output} open={3} />
          )}
        </Section>
      )}
      <Limits run={run} />
      <Facts of={facts} />
      {own.length > 0 && (
        <Section title="Forks">
          <ul class="forks">
            {own.map((fork) => (
              <li key={fork.id}>
                <a href={href("runs", fork.id)}>from step {fork.forkedAt}</a>
                <small class="muted">
                  <Ago at={fork.createdAt} />, {fork.status}
                </small>
                <a class="button small" href={href("runs", run.id, "with", fork.id)}>
                  Compare
                </a>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </Panel>
  );
}

function Limits({ run }: { run: RunDetails }) {
  const { steps, tokens, usd, seconds } = run.limits;
  return (
    <Section title="Limits" hint="a run that reaches one ends there">
      <div class="bars">
        {steps !== undefined && <Bar label="Steps" used={run.steps} most={steps} />}
        {tokens !== undefined && (
          <Bar label="Tokens" used={run.inputTokens + run.outputTokens} most={tokens} />
        )}
        {usd !== undefined && <Bar label="Cost" used={run.usd} most={usd} unit={dollars} />}
        {seconds !== undefined && (
          <Bar label="Time at work" used={run.activeMs} most={seconds * 1_000} unit={duration} />
        )}
      </div>
    </Section>
  );
}
