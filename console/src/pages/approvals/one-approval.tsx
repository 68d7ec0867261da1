import type { ApprovalDetails } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, type Fact, Facts, Panel } from "../../parts/panel.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { runStepOf } from "../jobs/titles.tsx";
import { Decide } from "./decide.tsx";

/** An approval: its exact arguments, who asks, why it waits, and what was decided. */
export function OneApproval({ space, id, count }: { space: Space; id: string; count: number }) {
  const loaded = useLoaded(() => space.mayfly.approvals.get(id), [id, count]);
  if (loaded.error?.code === "approval_unknown" || loaded.error?.code === "invalid_request")
    return (
      <Panel title="Approval">
        <Empty title="There is no such approval.">
          <a href={href("approvals")}>All approvals</a>
        </Empty>
      </Panel>
    );
  return (
    <Show of={loaded}>
      {(approval) => <Body space={space} approval={approval} reload={loaded.reload} />}
    </Show>
  );
}

function Body(props: { space: Space; approval: ApprovalDetails; reload(): void }) {
  const { space, approval, reload } = props;
  const { id, title, status, input, digest, inputSchema, requestedBy } = approval;
  const mine = space.asked.waiting.value.some((one) => one.id === id);
  const reask = () => {
    reload();
    void space.asked.look();
  };
  const mayWithdraw =
    status === "pending" &&
    (space.may("approval:admin") ||
      (space.may("approval:request") && requestedBy === space.me.userId));
  return (
    <div class="stack asking-one">
      <Panel
        title="Approval"
        actions={
          <>
            <Copy text={id} label="Id" />
            {mayWithdraw && (
              <Action
                label="Withdraw"
                confirm="Withdraw this approval? Whoever waits for it will not get it."
                done="It is withdrawn"
                run={() => space.mayfly.approvals.cancel(id)}
                after={reask}
              />
            )}
          </>
        }
      >
        <div class="panel-body stack">
          <h3 class="asked">
            <bdi>{printable(title)}</bdi> <Status of={status} />
          </h3>
          <p class="muted asked-by">
            <Name id={requestedBy} /> asked <Ago at={approval.createdAt} />
            {approval.jobId && (
              <Waiter jobId={approval.jobId} step={approval.step} isOpen={status === "pending"} />
            )}
            .
          </p>
          <section class="exact" aria-label="The exact arguments">
            <header>
              <strong>The exact arguments</strong>
              <Copy text={() => JSON.stringify(input, null, 2)} label="JSON" />
            </header>
            <Json value={input} open={12} />
            <footer title={`SHA-256 of the arguments: ${digest}`}>
              digest <code>{digest.slice(0, 16)}…</code> A decision counts only for these arguments.
            </footer>
          </section>
          {mine && <Decide space={space} approval={approval} onDone={reask} />}
          {status === "pending" && !mine && <WhyNot space={space} approval={approval} />}
        </div>
      </Panel>
      <Decisions approval={approval} />
      <Panel title="About">
        <Facts of={factsOf(approval)} />
        {inputSchema && (
          <details class="panel-body">
            <summary>The schema of the arguments</summary>
            <Json value={inputSchema} open={3} />
          </details>
        )}
      </Panel>
    </div>
  );
}

/** Whose work waits, or waited, for the decision, and where it is in that work. */
function Waiter({ jobId, step, isOpen }: { jobId: string; step: string | null; isOpen: boolean }) {
  const runStep = runStepOf(step ?? "");
  // The name that a workflow gives an approval by itself repeats the title.
  const own = step && !runStep && !step.startsWith("approve: ") ? oneLine(step, 80) : null;
  return (
    <>
      , and{" "}
      <a class="underlined" href={href(runStep ? "runs" : "jobs", jobId)}>
        {runStep ? "its run" : "its job"}
      </a>{" "}
      {isOpen ? "waits" : "waited"} for the decision
      {runStep && ` in step ${runStep}`}
      {own && (
        <>
          {" "}
          in the step <bdi>{own}</bdi>
        </>
      )}
    </>
  );
}

function WhyNot({ space, approval }: { space: Space; approval: ApprovalDetails }) {
  const { decisions, roles, deciders, requestedBy } = approval;
  const own = decisions.find(({ by }) => by === space.me.userId);
  const why = !space.may("approval:decide")
    ? "Your role may not decide approvals. That needs approval:decide."
    : own
      ? own.verdict === "delegate"
        ? "You have delegated it."
        : "You have decided it already; it waits for others."
      : requestedBy === space.me.userId
        ? "You requested it, so others decide."
        : deciders || roles
          ? "Others decide it: see who below."
          : "You cannot decide it now.";
  return <p class="muted why-not">{why}</p>;
}

function Decisions({ approval }: { approval: ApprovalDetails }) {
  const { decisions, waived } = approval;
  if (decisions.length === 0 && !waived) return null;
  const said = { approve: "approved", reject: "rejected", delegate: "delegated" };
  return (
    <Panel title="Decisions">
      <ul class="decisions">
        {waived && (
          <li>
            <Badge>nobody asked</Badge> A policy waived it: {printable(waived)}.
          </li>
        )}
        {decisions.map(({ by, kind, verdict, to, reason, counts, at }) => (
          <li key={`${by} ${verdict}`}>
            <Status of={said[verdict]} />
            <span>
              <Name id={kind === "secret" ? null : by} />
              {to && (
                <>
                  {" "}
                  to <Name id={to} />
                </>
              )}
              {counts === false && <Badge tone="amber">of other arguments</Badge>}
              {reason && <bdi class="reason">{printable(reason)}</bdi>}
            </span>
            <Ago at={at} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function factsOf(approval: ApprovalDetails): Fact[] {
  const { category, quorum, decisions, roles, deciders, confidence, milestone } = approval;
  const { expiresAt, escalatesAt, escalatedAt } = approval;
  const given = decisions.filter(({ verdict, counts }) => verdict === "approve" && counts).length;
  const escalation = escalatedAt ?? escalatesAt;
  return [
    ["Category", printable(category)],
    ["Needs", `${quorum} ${quorum === 1 ? "approval" : "approvals"}, has ${given}`],
    [
      "Who decides",
      deciders ? (
        <span class="asked-names">
          {deciders.map((one) => (
            <Name key={one} id={one} />
          ))}
        </span>
      ) : roles ? (
        roles.join(", ")
      ) : (
        "anyone with approval:decide except the requester"
      ),
    ],
    ["Confidence", confidence === null ? "not stated" : `${Math.round(confidence * 100)} %`],
    ["Milestone", milestone && "yes"],
    ["Expires", expiresAt ? <Ago key="expires" at={expiresAt} /> : "never"],
    [escalatedAt ? "Escalated" : "Escalates", escalation && <Ago key="esc" at={escalation} />],
  ];
}
