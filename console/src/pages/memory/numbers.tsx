import type { Clusters, MemoryKind, Statistics } from "@mayfly/sdk";
import { useMemo } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Bar, bytes } from "../../parts/bar.tsx";
import { Chart, type Series } from "../../parts/chart.tsx";
import { type Loaded, Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Figure, Panel } from "../../parts/panel.tsx";
import { oneLine, plural } from "../../parts/text.ts";
import { kindWord } from "./kinds.ts";

const dayMs = 86_400_000;
const days = 90;

/** How many memories there are, over time, and by kind, agent and topic. */
export function Numbers({ space, statistics }: { space: Space; statistics: Loaded<Statistics> }) {
  const topics = useLoaded(() => space.mayfly.memory.clusters(), [space]);
  return (
    <Show of={statistics}>
      {(numbers) =>
        numbers.memories === 0 ? (
          <Panel title="Growth">
            <Empty title="Nothing is remembered yet.">
              Once agents remember, you see here how many memories there are by day, kind, agent and
              topic.
            </Empty>
          </Panel>
        ) : (
          <div class="stack">
            <div class="figures">
              <Figure label="Memories" value={numbers.memories.toLocaleString("en")} />
              <Figure label="In the past hour" value={numbers.lastHour.toLocaleString("en")} />
              <Figure label="In the past day" value={numbers.lastDay.toLocaleString("en")} />
              <Figure label="Texts, tags and metadata" value={bytes(numbers.bytes)} />
              <Figure label="Private to one agent" value={numbers.private.toLocaleString("en")} />
              <Figure
                label="Conflicts"
                value={numbers.conflicts}
                {...(numbers.conflicts > 0 && { tone: "amber" })}
              />
            </div>
            <Growth of={numbers} />
            <div class="grid">
              <Panel title="By kind">
                <Shares
                  of={Object.entries(numbers.byKind).map(([kind, n]): [string, number, string] => [
                    kindWord(kind as MemoryKind),
                    n,
                    kind,
                  ])}
                  total={numbers.memories}
                />
              </Panel>
              <Panel title="By agent" hint="those with the most">
                <Shares
                  of={numbers.byAgent
                    .slice(0, 10)
                    .map(({ agentId, memories }): [string, number, string] => [
                      agentId === null ? "people and the secret key" : space.names.of(agentId).name,
                      memories,
                      agentId ?? "",
                    ])}
                  total={numbers.memories}
                />
              </Panel>
              <Panel title="Topics" hint="by the words that set them apart">
                <Show of={topics}>{(found) => <Topics of={found} />}</Show>
              </Panel>
            </div>
          </div>
        )
      }
    </Show>
  );
}

function Growth({ of }: { of: Statistics }) {
  const { times, series } = useMemo(() => growthOf(of), [of]);
  return (
    <Panel
      title="Growth"
      hint={`memories made on each of the past ${days} days (UTC), of those that are still there`}
    >
      <div class="panel-body">
        <Chart
          label={`Memories by day: ${plural(of.lastDay, "memory", "memories")} in the past day`}
          times={times}
          series={series}
          format={(value) => (Number.isInteger(value) ? value.toLocaleString("en") : "")}
          bars
        />
      </div>
    </Panel>
  );
}

function growthOf({ byDay }: Statistics): { times: number[]; series: Series[] } {
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  const times = Array.from({ length: days }, (_, at) => (today - (days - 1 - at) * dayMs) / 1_000);
  const values = times.map((at) => byDay[new Date(at * 1_000).toISOString().slice(0, 10)] ?? 0);
  return { times, series: [{ label: "memories", tone: "violet", values }] };
}

function Shares({ of, total }: { of: [string, number, string][]; total: number }) {
  if (of.length === 0) return <Empty title="Nothing is remembered yet." />;
  const sorted = [...of].sort((one, other) => other[1] - one[1]);
  return (
    <div class="panel-body bars">
      {sorted.map(([label, n, key]) => (
        <Bar
          key={key}
          label={label}
          used={n}
          most={total}
          unit={(value) => value.toLocaleString("en")}
          full
        />
      ))}
    </div>
  );
}

function Topics({ of: { clusters, sampled, memories, unclustered } }: { of: Clusters }) {
  if (clusters.length === 0)
    return (
      <Empty title="There are no topics yet.">A topic is a set of memories that share words.</Empty>
    );
  return (
    <>
      <ul class="topics">
        {clusters.map(({ name, size, averageReward, examples }) => (
          <li key={name}>
            <a href={`${href("memory")}?ask=${encodeURIComponent(name)}`}>
              <bdi>{oneLine(name, 80)}</bdi>
            </a>
            <span class="muted">
              {size}
              {averageReward !== null && `, reward ${averageReward.toFixed(2)}`}
            </span>
            <bdi class="muted">{oneLine(examples[0]?.task ?? "", 90)}</bdi>
          </li>
        ))}
      </ul>
      <p class="panel-body muted">
        Of {plural(sampled, "memory", "memories")}
        {sampled < memories && `, drawn from ${memories.toLocaleString("en")}`}; {unclustered} in no
        topic.
      </p>
    </>
  );
}
