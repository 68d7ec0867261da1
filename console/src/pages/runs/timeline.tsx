import type { RunDetails } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../../parts/icon.tsx";
import { Panel } from "../../parts/panel.tsx";
import { oneLine, plural, preview, printable } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import type { Item, RunAxis } from "./items.ts";
import { tokens } from "./totals.ts";

/** Steps and tools as bars on an axis of working time. The up and down keys move from bar to bar. */
export function Timeline(props: {
  run: RunDetails;
  items: readonly Item[];
  axis: RunAxis;
  picked: string;
  onPick(key: string): void;
  /** In a replay, nothing after this is drawn. */
  clip: number | null;
  player: ComponentChildren;
}) {
  const { run, items, axis, picked, onPick, clip } = props;
  const keys = ["run", ...items.map(({ key }) => key)];
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = keys[Math.max(0, Math.min(keys.length - 1, keys.indexOf(picked) + by))];
    if (next === undefined) return;
    onPick(next);
    const list = event.currentTarget as HTMLElement;
    list.querySelector<HTMLElement>(`[data-key="${CSS.escape(next)}"]`)?.focus();
  };
  return (
    <Panel
      title="Timeline"
      class="timeline"
      hint={axis.gaps.length > 0 ? "hatched: it waited" : undefined}
      actions={props.player}
    >
      <div
        class="spans"
        role="listbox"
        aria-label="Steps and tools"
        tabIndex={-1}
        onKeyDown={onKeyDown}
      >
        <Span
          itemKey="run"
          icon="runs"
          tone="gray"
          title="The whole run"
          isPicked={picked === "run"}
          onPick={onPick}
          bar={{ from: 0, width: clip ?? 1, gaps: axis.gaps }}
          took={axis.busyMs}
          note={plural(run.steps, "step")}
        />
        {items.map((item) => (
          <ItemSpan
            key={item.key}
            item={item}
            run={run}
            axis={axis}
            clip={clip}
            isPicked={picked === item.key}
            onPick={onPick}
          />
        ))}
      </div>
    </Panel>
  );
}

function ItemSpan(props: {
  item: Item;
  run: RunDetails;
  axis: RunAxis;
  clip: number | null;
  isPicked: boolean;
  onPick(key: string): void;
}) {
  const { item, run, axis, clip, isPicked, onPick } = props;
  const from = axis.place(item.from);
  const until = Math.min(clip ?? 1, item.until === null ? 1 : axis.place(item.until));
  const inherited = run.forkedAt !== undefined && item.step < run.forkedAt;
  const common = { itemKey: item.key, isPicked, onPick, failed: item.failed, inherited };
  const took = item.until === null ? null : item.until - item.from;
  const bar = { from, width: Math.max(0, until - from), gaps: axis.gaps };
  if (item.kind === "recall")
    return (
      <Span
        {...common}
        icon="memory"
        tone="violet"
        title="Recalled"
        note={plural(item.count, "memory", "memories")}
      />
    );
  if (item.kind === "live")
    return (
      <Span
        {...common}
        icon="now"
        tone="pink"
        title={`Step ${item.step}`}
        about={oneLine(item.spoken.text.slice(-80) || "thinking…", 80)}
        bar={bar}
        live
        note="now"
      />
    );
  if (item.kind === "call") {
    const { call } = item;
    const { usage, error, model, answer } = call;
    const said = answer?.text
      ? oneLine(answer.text, 70)
      : (answer?.calls ?? []).map(({ tool }) => tool).join(", ");
    return (
      <Span
        {...common}
        icon="now"
        tone="pink"
        title={`Step ${call.step}${call.try > 1 || error ? `, try ${call.try}` : ""}`}
        about={error ? printable(error.code) : said || printable(model)}
        bar={bar}
        took={took}
        note={usage ? `${tokens((usage.input ?? 0) + (usage.output ?? 0))} tokens` : ""}
      />
    );
  }
  const { tool } = item;
  return (
    <Span
      {...common}
      icon="work"
      tone={tool.status === "edited" ? "amber" : "green"}
      title={oneLine(tool.tool, 60)}
      about={preview(tool.input, 60)}
      bar={bar}
      took={took}
      live={tool.status === "started" && tool.startedAt !== undefined}
      note={tool.status === "succeeded" ? "" : tool.status === "started" ? "now" : tool.status}
      inside
    />
  );
}

function Span(props: {
  itemKey: string;
  icon: IconName;
  tone: string;
  title: string;
  about?: string;
  bar?: { from: number; width: number; gaps: RunAxis["gaps"] };
  took?: number | null;
  note?: string;
  isPicked: boolean;
  failed?: boolean;
  inherited?: boolean;
  live?: boolean;
  inside?: boolean;
  onPick(key: string): void;
}) {
  const { itemKey, bar, took = null, isPicked, failed, inherited, live, inside } = props;
  const classes = [
    "span",
    `tone-${failed ? "red" : props.tone}`,
    inside && "inside",
    inherited && "inherited",
    live && "at-work",
  ];
  return (
    <button
      type="button"
      role="option"
      class={classes.filter(Boolean).join(" ")}
      data-key={itemKey}
      aria-selected={isPicked}
      tabIndex={isPicked ? 0 : -1}
      onClick={() => props.onPick(itemKey)}
    >
      <span class="span-name">
        <Icon name={props.icon} size={14} />
        <b>{props.title}</b>
        {props.about && <bdi class="muted">{props.about}</bdi>}
      </span>
      <span class="span-track">
        {bar?.gaps.map(({ at, ms }) => (
          <i
            key={at}
            class="span-gap"
            style={{ left: `${at * 100}%` }}
            title={`waited ${duration(ms)}`}
          />
        ))}
        {bar && (
          <i
            class="span-bar"
            style={{ left: `${bar.from * 100}%`, width: `max(3px, ${bar.width * 100}%)` }}
          />
        )}
      </span>
      <span class="span-note">
        {took !== null && <span>{duration(took)}</span>}
        {props.note && <small>{props.note}</small>}
      </span>
    </button>
  );
}
