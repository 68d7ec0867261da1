import type { Bid, Tender } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** How many of the newest tenders are shown. */
const shown = 30;

/** The work that was offered for bids, and the agents that got it. */
export function Tenders({ space, team, count }: { space: Space; team: string; count: number }) {
  const tenders = useLoaded(
    () => space.mayfly.teams.tenders.list({ team, limit: shown }),
    [team, count],
  );
  return (
    <Panel title="Tenders">
      <Show of={tenders}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No work was offered for bids." />
          ) : (
            <div class="panel-body stack">
              {all.map((tender) => (
                <OneTender key={tender.id} space={space} tender={tender} />
              ))}
            </div>
          )
        }
      </Show>
    </Panel>
  );
}

function OneTender({ space, tender }: { space: Space; tender: Tender }) {
  const { id, job, status, rule, deadline, winner, bids, jobId, closedAt } = tender;
  const about = preview(job.input ?? {}, 120);
  return (
    <article class="poll">
      <header>
        <strong>{oneLine(String(job.name ?? "work"), 100)}</strong>
        <Status
          of={status === "open" ? "waiting" : status === "awarded" ? "succeeded" : status}
          says={status}
        />
      </header>
      <p class="muted">
        {about !== "" && `${about} · `}
        {rule.replace("_", " ")}, {status === "open" ? "closes " : "closed "}
        <Ago at={closedAt ?? deadline} />
        {winner && (
          <>
            ; to <Name id={winner} />
          </>
        )}
        {jobId && (
          <>
            ,{" "}
            <a class="underlined" href={href("jobs", jobId)}>
              its job
            </a>
          </>
        )}
        {status === "open" && "; bids are sealed until then"}
      </p>
      {bids && bids.length > 0 && (
        <Table<Bid>
          label="Bids"
          rows={bids}
          keyOf={({ agent }) => agent}
          columns={[
            { title: "Agent", cell: ({ agent }) => <Name id={agent} /> },
            { title: "Price", cell: ({ price }) => price, number: true },
            { title: "Score", cell: ({ score }) => score, number: true },
            {
              title: "Note",
              text: true,
              cell: ({ note }) => <bdi class="muted">{oneLine(note ?? "", 80)}</bdi>,
              wide: true,
            },
          ]}
        />
      )}
      {status === "open" && (
        <Action
          label="Award now"
          scope="agent:stop"
          run={() => space.mayfly.teams.tenders.award(id)}
        />
      )}
    </article>
  );
}
