import type { CostRow } from "@mayfly/sdk";
import { useMemo } from "preact/hooks";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Chart } from "../../parts/chart.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { costOf, dollars } from "../../parts/money.ts";
import { Empty, Panel } from "../../parts/panel.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { plural, printable } from "../../parts/text.ts";
import { dailyOf, modelsOf, toneOfModel } from "./daily.ts";

const dayMs = 86_400_000;
const days = 30;
const againMs = 30_000;

/** What models have cost in the past month, by day and model. */
export function Costs({ space }: { space: Space }) {
  const round = Math.floor(second.value / againMs);
  const since = new Date(Math.floor(Date.now() / dayMs) * dayMs - (days - 1) * dayMs);
  const report = useLoaded(
    () => space.mayfly.costs.report({ by: ["day", "provider", "model"], since, limit: 10_000 }),
    [round],
  );
  return (
    <Panel title="Costs" hint="of models, in the past 30 days, by day and model (UTC)">
      <Show of={report}>{(rows) => <Month rows={rows} since={since} />}</Show>
    </Panel>
  );
}

function Month({ rows, since }: { rows: CostRow[]; since: Date }) {
  const daily = useMemo(() => dailyOf(rows, since, days), [rows]);
  const models = useMemo(() => modelsOf(rows), [rows]);
  if (rows.length === 0)
    return (
      <Empty title="No model call was counted.">
        <p>
          Runs count what they spend by themselves. For prices, run{" "}
          <code>npx mayfly prices import</code> once.
        </p>
      </Empty>
    );
  const unpriced = models.reduce((sum, row) => sum + row.unpriced, 0);
  return (
    <div class="costs">
      <div class="panel-body">
        <Chart
          label={`Costs of the past ${days} days`}
          times={daily.times}
          series={daily.series}
          format={dollars}
          bars
        />
      </div>
      <Table
        label="Costs by model"
        columns={columnsOf(models)}
        rows={models}
        keyOf={(row) => `${row.provider}/${row.model}`}
      />
      {unpriced > 0 && (
        <p class="panel-body muted">
          {plural(unpriced, "call")} of models without a known price. Their cost is not in any sum.
        </p>
      )}
    </div>
  );
}

const columnsOf = (models: CostRow[]): Column<CostRow>[] => [
  {
    title: "Model",
    cell: (row) => (
      <span class={`model tone-${toneOfModel(models, row)}`}>
        <i class="dot" />
        <bdi>
          {printable(row.model ?? "")} <small class="muted">{printable(row.provider ?? "")}</small>
        </bdi>
      </span>
    ),
  },
  { title: "Calls", cell: ({ calls }) => calls.toLocaleString("en"), number: true },
  {
    title: "Tokens in",
    cell: (row) => row.inputTokens.toLocaleString("en"),
    number: true,
    wide: true,
  },
  {
    title: "From cache",
    cell: (row) => row.cacheReadTokens.toLocaleString("en"),
    number: true,
    wide: true,
  },
  {
    title: "Tokens out",
    cell: (row) => row.outputTokens.toLocaleString("en"),
    number: true,
    wide: true,
  },
  { title: "Cost", cell: (row) => <b>{costOf(row)}</b>, number: true },
];
