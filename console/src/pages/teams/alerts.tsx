import type { AlertKind, TeamAlert } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { Badge, Status } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { dollars } from "../../parts/money.ts";
import { Name } from "../../parts/name.tsx";
import { Empty, type Fact, Facts, Panel } from "../../parts/panel.tsx";
import { plural, preview, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";

const says: Record<AlertKind, string> = {
  deadlock: "They wait for each other",
  repetition: "It repeats itself",
  silence: "It has been silent for too long",
  runaway_cost: "It spends too much",
};

/** The team's alerts, and what was done about them. */
export function Alerts({ space, team, count }: { space: Space; team: string; count: number }) {
  const alerts = useLoaded(
    () => space.mayfly.teams.of(team).alerts({ every: true }),
    [team, count],
  );
  const open = (alerts.data ?? []).filter(({ status }) => status === "open").length;
  return (
    <Panel
      title="Alerts"
      hint="deadlocks, repetition, silence and runaway costs"
      actions={open > 0 && <Badge tone="red">{`${open} open`}</Badge>}
    >
      <Show of={alerts}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="The detectors have found nothing.">
              <p>
                They look while a program watches the team:{" "}
                <code>
                  mayfly.teams.of(team.id).watch({"{"} rules {"}"})
                </code>
              </p>
            </Empty>
          ) : (
            <div class="panel-body stack">
              {all.map((alert) => (
                <OneAlert key={alert.id} space={space} alert={alert} />
              ))}
            </div>
          )
        }
      </Show>
    </Panel>
  );
}

/** A part of what was found, in words. Ids become names. */
function factOf(space: Space, [key, value]: [string, unknown]): Fact {
  const word = key === "usd" ? "Spent" : `${key[0]?.toUpperCase()}${key.slice(1)}`;
  if (value === null) return [word, null];
  if (key === "usd" || key === "limit") return [word, dollars(Number(value))];
  if (key === "seconds") return ["Within", duration(Number(value) * 1_000)];
  if (key === "run") return [word, <a href={href("runs", String(value))}>Open the run</a>];
  if (key === "waits" && Array.isArray(value))
    return [
      "Waits",
      value.map((id, at) => (
        <>
          {at > 0 && " → "}
          <Name id={String(id)} />
        </>
      )),
    ];
  const text = typeof value === "string" ? printable(value) : preview(value, 200);
  return [word, <bdi>{withNames(space, text)}</bdi>];
}

function OneAlert({ space, alert }: { space: Space; alert: TeamAlert }) {
  const { kind, agents, detail, status, times, foundAt, handledAt, handledWith } = alert;
  return (
    <article class="poll">
      <header>
        <strong>{says[kind]}</strong>
        <Status of={status === "open" ? "failed" : "over"} says={status} />
      </header>
      <p class="muted">
        <span class="badges">
          {agents.map((id) => (
            <Name key={id} id={id} />
          ))}
        </span>{" "}
        found <Ago at={foundAt} />
        {times > 1 && `, ${plural(times, "time")}`}
        {handledAt && handledWith && (
          <>
            ; {printable(handledWith)} <Ago at={handledAt} />
          </>
        )}
      </p>
      <Facts of={Object.entries(detail ?? {}).map((part) => factOf(space, part))} />
    </article>
  );
}
