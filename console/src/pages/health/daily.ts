import type { CostRow } from "@mayfly/sdk";
import type { Series } from "../../parts/chart.tsx";

const tones = ["violet", "blue", "teal", "orange", "pink", "green"];
const dayMs = 86_400_000;

const nameOf = ({ provider, model }: CostRow) => `${provider}/${model}`;

/**
 * The cost of each day, with a series for each of the most expensive models, and one for the rest.
 */
export function dailyOf(
  rows: CostRow[],
  since: Date,
  days: number,
): { times: number[]; series: Series[] } {
  const keys = Array.from({ length: days }, (_, at) =>
    new Date(since.getTime() + at * dayMs).toISOString().slice(0, 10),
  );
  const dearest = modelsOf(rows)
    .slice(0, tones.length - 1)
    .map(nameOf);
  const names = modelsOf(rows).length > dearest.length ? [...dearest, "others"] : dearest;
  const series = names.map((label, at) => ({
    label,
    tone: label === "others" ? "gray" : (tones[at] ?? "violet"),
    values: keys.map((day) =>
      rows
        .filter((row) => row.day === day)
        .filter((row) =>
          label === "others" ? !dearest.includes(nameOf(row)) : nameOf(row) === label,
        )
        .reduce((sum, { usd }) => sum + usd, 0),
    ),
  }));
  return { times: keys.map((day) => Date.parse(day) / 1_000), series };
}

/** The totals of each model, most expensive first. */
export function modelsOf(rows: CostRow[]): CostRow[] {
  const sums = new Map<string, CostRow>();
  for (const row of rows) {
    const sum = sums.get(nameOf(row));
    if (!sum) {
      sums.set(nameOf(row), { ...row });
      continue;
    }
    sum.calls += row.calls;
    sum.inputTokens += row.inputTokens;
    sum.cacheReadTokens += row.cacheReadTokens;
    sum.outputTokens += row.outputTokens;
    sum.reasoningTokens += row.reasoningTokens;
    sum.usd += row.usd;
    sum.unpriced += row.unpriced;
  }
  return [...sums.values()].sort((one, other) => other.usd - one.usd || other.calls - one.calls);
}

/** The colour of a model, in the chart and next to its row. */
export function toneOfModel(models: CostRow[], row: CostRow): string {
  const place = models.indexOf(row);
  return place < tones.length - 1 ? (tones[place] ?? "gray") : "gray";
}
