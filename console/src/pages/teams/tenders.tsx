import type { Bid, Tender } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine, preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { newest } from "./newest.ts";

/** Work that was offered for bids, and who got it. */
export function Tenders({ space, team, count }: { space: Space; team: string; count: number }) {
  const tenders = useLoaded(
    () => newest(space, "tender.opened", (id) => space.mayfly.teams.tenders.get(id), team),
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
  const { id, job, status, rule, deadline, winner, bids, closedAt } = tender;
  return (
    <article class="poll">
      <header>
        <strong>{oneLine(String(job.name ?? "work"), 100)}</strong>
        <Status of={status === "open" ? "waiting" : status === "awarded" ? "succeeded" : status} />
      </header>
      <p class="muted">
        {preview(job.input ?? {}, 120)} · {rule.replace("_", " ")},{" "}
        {status === "open" ? "closes " : "closed "}
        <Ago at={closedAt ?? deadline} />
        {winner && (
          <>
            ; to <Name id={winner} />
          </>
        )}
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
