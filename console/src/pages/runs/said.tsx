import type { RunAnswer, RunToolCall } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { Badge, Status } from "../../parts/badge.tsx";
import { Json, LongText } from "../../parts/json.tsx";
import { plural, printable } from "../../parts/text.ts";
import type { Said } from "./prompt.ts";

/** A message of a conversation, with its sender. */
export function Message({ said }: { said: Said }) {
  if (said.by === "memory")
    return (
      <Block by="Memory" tone="violet" note={plural(said.count, "memory", "memories")}>
        <Text of={said.text} />
      </Block>
    );
  if (said.by === "user")
    return (
      <Block by="Input" tone="blue">
        <Value of={said.value} />
      </Block>
    );
  if (said.by === "model")
    return (
      <Block by={printable(said.agent)} tone="pink" note={`step ${said.step}`}>
        <Answer of={said.answer} />
      </Block>
    );
  return (
    <>
      {said.tools.map((tool) => (
        <Block key={tool.callId} by={printable(tool.tool)} tone="green" note="tool">
          <Outcome of={tool} />
        </Block>
      ))}
    </>
  );
}

export function Block(props: {
  by: string;
  tone: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div class={`said-block tone-${props.tone}`}>
      <header>
        <bdi>{props.by}</bdi>
        {props.note && <small>{props.note}</small>}
      </header>
      {props.children}
    </div>
  );
}

/** Shows a text as text, and any other value as a tree. */
export function Value({ of, open = 2 }: { of: unknown; open?: number }) {
  return typeof of === "string" ? <Text of={of} /> : <Json value={of ?? null} open={open} />;
}

export const Text = ({ of }: { of: string }) => (
  <bdi class="said-text">
    <LongText text={of} />
  </bdi>
);

/** A model's answer: its reasoning, its text, and its tool calls. */
export function Answer({ of, goesOn = false }: { of: RunAnswer; goesOn?: boolean }) {
  const { text, reasoning, calls } = of;
  return (
    <>
      {reasoning && (
        <details class="reasoning" open={goesOn && !text}>
          <summary>Thought</summary>
          <Text of={reasoning} />
        </details>
      )}
      {text && <Text of={text} />}
      {goesOn && <i class="caret" />}
      {calls.map(({ callId, tool, input }) => (
        <div key={callId} class="asked-tool">
          <Badge tone="green">{printable(tool)}</Badge>
          <Json value={input} open={1} />
        </div>
      ))}
      {!text && !reasoning && calls.length === 0 && !goesOn && (
        <span class="muted">It said nothing.</span>
      )}
    </>
  );
}

/** The result of a tool call. */
export function Outcome({ of }: { of: RunToolCall }) {
  const { error, result, status } = of;
  if (error)
    return (
      <p class="warning">
        <b>{printable(error.code)}</b> <LongText text={error.message} />
      </p>
    );
  if (result === undefined) return <Status of={status === "started" ? "running" : status} />;
  return <Value of={result} />;
}
