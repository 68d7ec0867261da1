import "./approvals.css";
import type { ApprovalStatus, ListedApproval } from "@mayfly/sdk";
import { useEffect, useRef, useState } from "preact/hooks";
import { go, href, route } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { oneLine, preview, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import type { PageProps } from "../page.ts";
import { DecideMany } from "./decide-many.tsx";
import { OneApproval } from "./one-approval.tsx";

const decided: ApprovalStatus[] = ["approved", "rejected", "expired", "cancelled"];
const shown = 200;

/** The approvals that agents wait for, each with its exact arguments. Those that wait for the person come first. */
export default function Approvals({ space, rest }: PageProps) {
  const [id] = rest;
  const view = route.value.query.get("view") ?? (space.may("approval:decide") ? "mine" : "pending");
  const count = useCount(space, ({ kind }) => kind === "approval");
  const waiting = space.asked.waiting.value;
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const listed = useLoaded(
    () =>
      space.mayfly.approvals.list(
        view === "decided"
          ? { status: decided, limit: shown }
          : { status: "pending", limit: shown },
      ),
    [view === "decided", count],
  );
  const of = (to: string) => `${href("approvals")}?view=${to}`;
  return (
    <div class={id ? "asking one" : "asking"}>
      <Head
        title="Approvals"
        about="Agents ask before they do something that cannot be undone. Your decision counts only for the arguments that you see."
      />
      <Tabs
        label="Approvals"
        of={[
          ...(space.may("approval:decide")
            ? [
                {
                  title: "For you",
                  href: of("mine"),
                  current: view === "mine",
                  count: waiting.length,
                  hot: true,
                },
              ]
            : []),
          { title: "All pending", href: of("pending"), current: view === "pending" },
          { title: "Decided", href: of("decided"), current: view === "decided" },
        ]}
      />
      <Show of={listed}>
        {(all) => {
          const own = view === "mine" ? waiting : all;
          const current = id ?? own[0]?.id;
          const decidable = view === "mine" && own.length > 1;
          return (
            <div class="asking-middle">
              <div class="stack">
                {decidable && (
                  <Many space={space} approvals={own} picked={picked} onPick={setPicked} />
                )}
                <List
                  approvals={own}
                  current={current}
                  view={view}
                  {...(decidable && { picked, onPick: setPicked })}
                />
              </div>
              {current && <OneApproval key={current} space={space} id={current} count={count} />}
            </div>
          );
        }}
      </Show>
    </div>
  );
}

/** Selects all approvals, and decides the selected ones. */
function Many(props: {
  space: Space;
  approvals: ListedApproval[];
  picked: ReadonlySet<string>;
  onPick(picked: ReadonlySet<string>): void;
}) {
  const { space, approvals, picked, onPick } = props;
  const [verdict, setVerdict] = useState<"approve" | "reject" | null>(null);
  const chosen = approvals.filter(({ id }) => picked.has(id));
  const all = chosen.length === approvals.length;
  return (
    <div class="many-bar">
      <label class="check">
        <input
          type="checkbox"
          checked={all}
          indeterminate={!all && chosen.length > 0}
          onChange={() => onPick(new Set(all ? [] : approvals.map(({ id }) => id)))}
        />
        {chosen.length === 0 ? "Pick all" : `${chosen.length} picked`}
      </label>
      {chosen.length > 0 && (
        <span class="actions">
          <button type="button" class="button small" onClick={() => setVerdict("approve")}>
            Approve them
          </button>
          <button type="button" class="button small" onClick={() => setVerdict("reject")}>
            Reject them
          </button>
        </span>
      )}
      {verdict && (
        <DecideMany
          space={space}
          approvals={chosen}
          verdict={verdict}
          onClose={() => setVerdict(null)}
          onDone={() => {
            onPick(new Set());
            void space.asked.look();
          }}
        />
      )}
    </div>
  );
}

function List(props: {
  approvals: ListedApproval[];
  current: string | undefined;
  view: string;
  /** The approvals that are selected to be decided together. */
  picked?: ReadonlySet<string>;
  onPick?(picked: ReadonlySet<string>): void;
}) {
  const { approvals, current, view, picked, onPick } = props;
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    onPick?.(next);
  };
  const box = useRef<HTMLElement>(null);
  const address = (id: string) => `${href("approvals", id)}?view=${view}`;
  useEffect(() => {
    box.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const next = approvals[approvals.findIndex(({ id }) => id === current) + (step ?? 0)];
    if (!step || !next) return;
    event.preventDefault();
    location.hash = address(next.id);
    box.current?.querySelectorAll("a")[approvals.indexOf(next)]?.focus();
  };
  if (approvals.length === 0)
    return (
      <div class="panel">
        <Empty
          title={
            { mine: "Nothing waits for you.", pending: "No approval is pending." }[view] ??
            "Nothing has been decided yet."
          }
        >
          <p>
            An agent asks with <code>agent.approvals.request(title, arguments)</code>, and a
            workflow with <code>ctx.approve(title, arguments)</code>.
          </p>
          {view === "mine" && (
            <button type="button" class="link-button" onClick={() => go("workflows")}>
              See what runs
            </button>
          )}
        </Empty>
      </div>
    );
  return (
    <nav class="panel asking-list" aria-label="Approvals" ref={box} onKeyDown={onKey}>
      {approvals.map((approval) => (
        <div key={approval.id} class="asking-row">
          {picked && (
            <input
              type="checkbox"
              aria-label={`Pick ${printable(approval.title)}`}
              checked={picked.has(approval.id)}
              onChange={() => toggle(approval.id)}
            />
          )}
          <a
            href={address(approval.id)}
            aria-current={approval.id === current ? "page" : undefined}
          >
            <span class="asking-title">
              <bdi>{oneLine(approval.title, 120)}</bdi>
              {approval.status !== "pending" && <Status of={approval.status} />}
            </span>
            <bdi class="asking-input">{preview(approval.input, 90)}</bdi>
            <small>
              <Name id={approval.requestedBy} plain /> · {printable(approval.category)} ·{" "}
              <Ago at={approval.decidedAt ?? approval.createdAt} />
              {approval.expiresAt && approval.status === "pending" && (
                <>
                  {" "}
                  · expires <Ago at={approval.expiresAt} />
                </>
              )}
            </small>
          </a>
        </div>
      ))}
    </nav>
  );
}
