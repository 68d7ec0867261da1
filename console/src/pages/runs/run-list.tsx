import type { RunInfo, RunStatus } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useLive } from "../../live/use-live.ts";
import { attributesColumn } from "../../parts/attributes.tsx";
import { Badge, Status } from "../../parts/badge.tsx";
import { Show } from "../../parts/loaded.tsx";
import { costOf } from "../../parts/money.ts";
import { say } from "../../parts/notice.tsx";
import { Empty, Head, Panel } from "../../parts/panel.tsx";
import { type Picks, pickColumn, usePicks } from "../../parts/pick.tsx";
import { NoneWith, Search, useSought } from "../../parts/search.tsx";
import { Select } from "../../parts/select.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { oneLine, printable } from "../../parts/text.ts";
import { Ago, duration } from "../../parts/time.tsx";
import { Times, timesKey, timesOf } from "../../parts/times.tsx";
import { Views } from "../../parts/views.tsx";
import { PickedRuns } from "./picked-runs.tsx";
import { RunFigures } from "./run-figures.tsx";
import { StartRun } from "./start-run.tsx";
import { isOver } from "./totals.ts";

const pageSize = 100;
const statuses: readonly (RunStatus | "")[] = [
  ...(["", "queued", "running", "waiting", "paused", "succeeded", "failed", "cancelled"] as const),
  ...(["max_steps", "max_time", "max_tokens", "max_cost"] as const),
];

/** The newest runs, filtered by agent, status, time, attributes and text. */
export function RunList({ space }: { space: Space }) {
  const { query } = route.value;
  const agent = query.get("agent") ?? "";
  const status = query.get("status") ?? "";
  const { sought, where, containing } = useSought();
  const times = timesKey(query);
  const which = {
    ...timesOf(query, containing),
    ...(containing && { containing }),
    ...(agent && { agent }),
    ...(status && { status: status as RunStatus }),
    where,
    limit: pageSize,
  };
  const [older, setOlder] = useState<{ of: string; runs: RunInfo[]; all: boolean } | null>(null);
  const picks = usePicks();
  const loaded = useLive(space, () => space.mayfly.runs.list(which), {
    on: [agent, status, sought, times],
    concerns: ({ kind }) => kind === "run" || kind === "job",
    goesOn: (runs) => !runs.every(isOver),
  });
  const of = `${agent} ${status} ${times} ${sought}`;
  const kept = older?.of === of ? older : null;
  const loadOlder = async (last: RunInfo | undefined) => {
    const { data, error } = await space.mayfly.runs.list({
      ...which,
      ...(last && { before: last.id }),
    });
    if (error) say({ tone: "red", title: "Older runs could not be read", error });
    else setOlder({ of, runs: [...(kept?.runs ?? []), ...data], all: data.length < pageSize });
  };
  const known = [...(loaded.data ?? []), ...(kept?.runs ?? [])];
  return (
    <>
      <Head title="Runs" about="What agents were asked, thought and did, step by step.">
        <Search label="Find runs" placeholder="Agent, input, customer:acme  ( / )" />
        <Select
          label="Status"
          value={status}
          options={statuses.map((one): [string, string] => [
            one,
            one === "" ? "Any status" : one.replace("_", " "),
          ])}
          onChange={(to) => setQuery({ status: to })}
        />
        <Times sought={containing} />
        <PickedRuns space={space} runs={known} picks={picks} />
        <StartRun space={space} known={known} />
      </Head>
      <Views />
      <Show of={loaded}>
        {(newest) => {
          const seen = new Set(newest.map(({ id }) => id));
          const found = [...newest, ...(kept?.runs ?? []).filter(({ id }) => !seen.has(id))];
          if (found.length === 0)
            return <NoRuns filtered={Boolean(agent || status || sought || times)} where={where} />;
          return (
            <div class="stack">
              <RunFigures runs={found} />
              <Panel
                title={agent ? `Runs of ${printable(agent)}` : "Newest first"}
                actions={
                  agent && (
                    <button
                      type="button"
                      class="button small"
                      onClick={() => setQuery({ agent: null })}
                    >
                      All agents
                    </button>
                  )
                }
              >
                <Table<RunInfo>
                  label="Runs"
                  rows={found}
                  keyOf={({ id }) => id}
                  hrefOf={({ id }) => href("runs", id)}
                  columns={columnsOf(found, picks)}
                />
                {newest.length === pageSize && !kept?.all && (
                  <button
                    type="button"
                    class="more more-wide"
                    onClick={() => loadOlder(found.at(-1))}
                  >
                    Load older
                  </button>
                )}
              </Panel>
            </div>
          );
        }}
      </Show>
    </>
  );
}

function NoRuns({ filtered, where }: { filtered: boolean; where: string }) {
  if (filtered)
    return (
      <Panel title="Runs">
        <Empty title="No run matches.">
          <NoneWith where={where} />
          <button
            type="button"
            class="link-button"
            onClick={() =>
              setQuery({
                agent: null,
                status: null,
                find: null,
                within: null,
                since: null,
                until: null,
              })
            }
          >
            Show all runs
          </button>
        </Empty>
      </Panel>
    );
  return (
    <Panel title="Runs">
      <Empty title="No agent has run yet.">
        <p>
          Define one with <code>defineAgent</code>, have a worker do it with{" "}
          <code>agent.work(runAgents(analyst))</code>, and start a run:
        </p>
        <p>
          <code>mayfly.runs.start(analyst, "Why did order 17 fail?")</code>
        </p>
        <p>It appears here at once, and streams as the model answers.</p>
      </Empty>
    </Panel>
  );
}

function columnsOf(runs: readonly RunInfo[], picks: Picks): Column<RunInfo>[] {
  const longest = Math.max(1, ...runs.map(({ activeMs }) => activeMs));
  return [
    {
      title: "Run",
      cell: (run) => (
        <span class="run-name">
          <b>
            <bdi>{printable(run.agent)}</bdi>
          </b>
          {run.forkedFrom && <Badge tone="violet">fork</Badge>}
          {run.parentId && <Badge tone="blue">asked by another</Badge>}
          <bdi class="muted">{oneLine(run.about ?? (run.forkedFrom ? "goes on" : ""), 110)}</bdi>
        </span>
      ),
    },
    ...attributesColumn(runs, "runs"),
    { title: "Status", cell: ({ status }) => <Status of={status} /> },
    { title: "Steps", cell: ({ steps }) => steps, number: true, wide: true },
    {
      title: "At work",
      cell: (run) => {
        const took = run.activeMs;
        return (
          <span class="run-took">
            <span>{run.startedAt ? duration(took) : "–"}</span>
            <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(took / longest) * 100} height="4" rx="2" />
            </svg>
          </span>
        );
      },
      wide: true,
    },
    {
      title: "Tokens",
      cell: ({ inputTokens, outputTokens }) => (inputTokens + outputTokens).toLocaleString("en"),
      number: true,
      wide: true,
    },
    {
      title: "Cost",
      cell: costOf,
      number: true,
      wide: true,
    },
    { title: "Started", cell: ({ createdAt }) => <Ago at={createdAt} /> },
    pickColumn(
      picks,
      runs,
      ({ agent, id }) => `Pick the run of ${printable(agent)} ${id.slice(-6)}`,
    ),
  ];
}
