import type { RunDetails, RunModelCall } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Badge, Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Json } from "../../parts/json.tsx";
import { Meter } from "../../parts/meter.tsx";
import { dollars } from "../../parts/money.ts";
import { Facts, Panel } from "../../parts/panel.tsx";
import { plural, printable } from "../../parts/text.ts";
import { At, duration } from "../../parts/time.tsx";
import { ForkForm } from "./fork-form.tsx";
import type { Item } from "./items.ts";
import { saidBefore } from "./prompt.ts";
import { Recalled } from "./recalled.tsx";
import { Answer, Message, Outcome } from "./said.tsx";
import { Section } from "./section.tsx";
import { WholeRun } from "./whole-run.tsx";

/** All details of the item that was picked on the timeline. */
export function Picked(props: {
  space: Space;
  run: RunDetails;
  item: Item | null;
  /** How much of it was replayed, from 0 to 1. */
  share: number;
  onPick(key: string): void;
}) {
  const { space, run, item, share, onPick } = props;
  if (!item) return <WholeRun space={space} run={run} onPick={onPick} />;
  if (item.kind === "recall") return <Recalled space={space} run={run} />;
  if (item.kind === "live")
    return (
      <Panel title={`Step ${item.step}, as it happens`} class="picked">
        <Section title="Answer">
          <Answer of={item.spoken} goesOn />
        </Section>
        <Asked run={run} step={item.step} />
      </Panel>
    );
  if (item.kind === "call")
    return <Call space={space} run={run} call={item.call} share={share} key={item.key} />;
  return <Tool space={space} run={run} item={item} key={item.key} />;
}

function Call(props: { space: Space; run: RunDetails; call: RunModelCall; share: number }) {
  const { space, run, call, share } = props;
  const { step, usage = {}, error, answer, usd, priced, provider, model, agent } = call;
  const facts: [string, ComponentChildren][] = [
    ["Model", <bdi key="model">{`${printable(model)} (${printable(provider)})`}</bdi>],
    ...(agent !== run.agent ? [["Agent", printable(agent)] as [string, string]] : []),
    ["Ended", <At key="at" at={call.at} exact />],
    ["Took", duration(call.ms)],
  ];
  if (!error)
    facts.push(
      ["Tokens", <Tokens key="tokens" usage={usage} />],
      [
        "Cost",
        usd === undefined
          ? "no price is known"
          : `${dollars(usd)}${priced === "inexact" ? ", by the nearest price" : ""}`,
      ],
      ["Finished", printable(call.finish ?? "–")],
    );
  facts.push([
    "Request",
    <code key="digest" title={call.digest}>
      {call.digest.slice(0, 12)}
    </code>,
  ]);
  const shown =
    answer && share < 1
      ? { ...answer, text: answer.text.slice(0, Math.ceil(answer.text.length * share)), calls: [] }
      : answer;
  return (
    <Panel
      title={`Step ${step}${call.try > 1 || error ? `, try ${call.try}` : ""}`}
      class="picked"
      actions={
        <>
          <Copy text={() => JSON.stringify(call, null, 2)} label="JSON" />
          <Fork space={space} run={run} step={step} />
        </>
      }
    >
      {error ? (
        <Section title="It failed">
          <p class="warning">
            <b>{printable(error.code)}</b> {printable(error.message)}
          </p>
        </Section>
      ) : (
        <Section title="Answer">{shown && <Answer of={shown} goesOn={share < 1} />}</Section>
      )}
      <Facts of={facts} />
      <Asked run={run} step={step} />
    </Panel>
  );
}

/** What the model was asked: the messages since its last answer, and all earlier ones on demand. */
function Asked({ run, step }: { run: RunDetails; step: number }) {
  const said = saidBefore(run, step);
  const last = said.findLastIndex(({ by }) => by === "model");
  const [before, fresh] = [said.slice(0, last + 1), said.slice(last + 1)];
  return (
    <Section title="Asked" hint="after the instructions, which are in the agent's code">
      {before.length > 0 && (
        <details class="said-before">
          <summary>{plural(before.length, "earlier message")}</summary>
          {before.map((one) => (
            <Message key={`${one.by} ${one.step}`} said={one} />
          ))}
        </details>
      )}
      {fresh.map((one) => (
        <Message key={`${one.by} ${one.step}`} said={one} />
      ))}
    </Section>
  );
}

function Tokens({ usage }: { usage: Record<string, number> }) {
  const { input = 0, cache_read = 0, output = 0, reasoning = 0 } = usage;
  const share = input === 0 ? 0 : (cache_read / input) * 100;
  return (
    <span class="tokens">
      <span>
        <b>{input.toLocaleString("en")}</b> in
        {cache_read > 0 && `, ${Math.round(share)} % from cache`} ·{" "}
        <b>{output.toLocaleString("en")}</b> out
        {reasoning > 0 && `, ${reasoning.toLocaleString("en")} of it reasoning`}
      </span>
      {cache_read > 0 && <Meter of={share / 100} />}
    </span>
  );
}

function Tool(props: { space: Space; run: RunDetails; item: Extract<Item, { kind: "tool" }> }) {
  const { space, run, item } = props;
  const { tool } = item;
  const { status, risk, attempts, startedAt, endedAt, approvalId, step } = tool;
  const facts: [string, ComponentChildren][] = [
    ["Status", <Status key="status" of={status === "started" ? "running" : status} />],
    ["Step", step],
  ];
  if (risk)
    facts.push([
      "Risk",
      <Badge key="risk" tone={risk === "read" ? "gray" : "orange"}>
        {printable(risk)}
      </Badge>,
    ]);
  if (startedAt) facts.push(["Started", <At key="started" at={startedAt} exact />]);
  if (startedAt && endedAt) facts.push(["Took", duration(endedAt.getTime() - startedAt.getTime())]);
  if (attempts > 1)
    facts.push(["Attempts", `${attempts}: a worker died while it ran, or it was retried`]);
  if (approvalId)
    facts.push([
      "Approval",
      <a key="approval" href={href("approvals", approvalId)}>
        Look at it
      </a>,
    ]);
  return (
    <Panel
      title={printable(tool.tool)}
      class="picked"
      actions={
        <>
          <Copy text={() => JSON.stringify(tool, null, 2)} label="JSON" />
          {status !== "started" && (
            <Fork space={space} run={run} step={step + 1} label="Change the result" />
          )}
        </>
      }
    >
      <Section title="Called with">
        <Json value={tool.input} open={3} />
      </Section>
      <Section title="Result">
        <Outcome of={tool} />
      </Section>
      <Facts of={facts} />
    </Panel>
  );
}

/** Opens the form that starts another run from here. */
export function Fork(props: { space: Space; run: RunDetails; step: number; label?: string }) {
  const { space, run, step, label = "Fork from here" } = props;
  const [opens, setOpens] = useState(false);
  if (!space.may("run:write") || step > run.steps + 1) return null;
  return (
    <>
      <button type="button" class="button small" onClick={() => setOpens(true)}>
        {label}
      </button>
      {opens && <ForkForm space={space} run={run} step={step} onClose={() => setOpens(false)} />}
    </>
  );
}
