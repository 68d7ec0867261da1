import type { Poll } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Bar } from "../../parts/bar.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** How many of the newest polls are shown. */
const shown = 30;

/** The team's polls, open and closed. While a poll is open, its ballots are sealed, even here. */
export function Polls({ space, team, count }: { space: Space; team: string; count: number }) {
  const polls = useLoaded(
    () => space.mayfly.teams.polls.list({ team, limit: shown }),
    [team, count],
  );
  return (
    <Panel title="Polls">
      <Show of={polls}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No polls yet." />
          ) : (
            <div class="panel-body stack">
              {all.map((poll) => (
                <OnePoll key={poll.id} space={space} poll={poll} />
              ))}
            </div>
          )
        }
      </Show>
    </Panel>
  );
}

function OnePoll({ space, poll }: { space: Space; poll: Poll }) {
  const { id, question, status, rule, deadline, outcome, ballots, closedAt } = poll;
  return (
    <article class="poll">
      <header>
        <strong>{oneLine(question, 300)}</strong>
        <Status
          of={status === "open" ? "waiting" : (outcome?.winner && "succeeded") || status}
          says={status === "open" ? "open" : (outcome?.result ?? status)}
        />
      </header>
      <p class="muted">
        {rule.replace("_", " ")}, {status === "open" ? "closes " : "closed "}
        <Ago at={closedAt ?? deadline} />
        {status === "open" && "; ballots are sealed until then"}
      </p>
      {outcome &&
        Object.entries(outcome.counts).map(([option, votes]) => (
          <Bar
            key={option}
            label={`${printable(option)}${option === outcome.winner ? " ✓" : ""}`}
            used={votes.ballots}
            most={outcome.ballots}
            full
          />
        ))}
      {ballots && ballots.length > 0 && (
        <details>
          <summary>{plural(ballots.length, "ballot")}</summary>
          <ul class="ballots">
            {ballots.map(({ voter, choice, reason }) => (
              <li key={voter}>
                <Name id={voter} /> <Badge tone="violet">{printable(choice)}</Badge>{" "}
                <bdi class="muted">{oneLine(reason ?? "", 200)}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
      {status === "open" && (
        <Action
          label="Withdraw"
          scope="agent:stop"
          confirm="Withdraw this poll? Nobody will see its ballots."
          run={() => space.mayfly.teams.polls.cancel(id)}
        />
      )}
    </article>
  );
}
