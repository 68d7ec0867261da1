import type { Budget, CostDimension, CostReportOptions, CostRow, ModelPrice } from "@mayfly/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf, usage } from "./failure.ts";
import { count, instant, printable } from "./format-values.ts";
import type { Output } from "./output.ts";
import type { PriceData } from "./price-data.ts";
import { openProject, openTenants } from "./project.ts";

interface CostOptions extends ProjectOptions {
  by: CostDimension[];
  since?: string;
  budgets?: boolean;
  limit: number;
}

const dimensions = ["tenant", "agent", "model", "provider", "day", "run"] as const;

function dimensionsOf(text: string): CostDimension[] {
  const given = text.split(",").filter(Boolean) as CostDimension[];
  if (given.every((one) => dimensions.includes(one))) return given;
  throw new InvalidArgumentError(`It must be one or more of ${dimensions.join(", ")}.`);
}

export function addCosts(program: Command): void {
  const costs = program
    .command("costs")
    .description("show what was spent on models, by tenant, agent, model and day")
    .option(
      "--by <words>",
      "group by any of tenant, agent, model, provider, day, run",
      dimensionsOf,
      ["agent", "model"] as CostDimension[],
    )
    .option("--since <when>", "only since then: 2h, 7d, or a time")
    .option("--budgets", "show budgets and what is left")
    .option("--limit <number>", "list at most this many", whole(1, 10_000), 100)
    .addHelpText(
      "after",
      "\nExamples:\n  mayfly costs --by day,model --since 30d\n  mayfly costs --by tenant\n  mayfly costs --budgets",
    );
  withProject(costs).action((options: CostOptions) =>
    execute(options, (session) =>
      options.budgets ? showBudgets(options, session) : showCosts(options, session),
    ),
  );
  const prices = program
    .command("prices")
    .description("show or import prices of models")
    .addHelpText(
      "after",
      "\nExamples:\n  mayfly prices show anthropic/claude-sonnet-4-5\n  mayfly prices import",
    );
  const show = prices
    .command("show")
    .argument("<model>", "provider/model, as the AI SDK names them")
    .description("show what a model costs now")
    .addHelpText("after", "\nExamples:\n  mayfly prices show anthropic/claude-sonnet-4-5");
  withProject(show).action((model: string, options: ProjectOptions) =>
    execute(options, (session) => showPrice(model, options, session)),
  );
  const importing = prices
    .command("import")
    .argument("[file]", "a JSON file with your own prices, or with data of genai-prices")
    .description("import prices, from this CLI or from a file")
    .addHelpText("after", "\nExamples:\n  mayfly prices import\n  mayfly prices import ours.json");
  withProject(importing).action((file: string | undefined, options: ProjectOptions) =>
    execute(options, (session) => importPrices(file, options, session)),
  );
}

async function showCosts(options: CostOptions, { output }: Session): Promise<undefined> {
  const { by, limit } = options;
  const report: CostReportOptions = { by, limit };
  if (options.since !== undefined) {
    const since = instant(options.since);
    if (!since) throw usage(`"${options.since}" is not a time.`, "Pass 2h, 7d, or a time.");
    report.since = since;
  }
  const { mayfly } = await (by.includes("tenant")
    ? openTenants(options)
    : openProject(options, output));
  const rows = dataOf(await mayfly.costs.report(report));
  output.answer({ costs: rows }, () =>
    rows.length === 0 ? ["Nothing was spent."] : costTable(by, rows, output),
  );
  return undefined;
}

function costTable(by: CostDimension[], rows: CostRow[], output: Output): string[] {
  const named = by.map((one) => (one === "provider" && by.includes("model") ? null : one));
  const columns = named.filter((one) => one !== null);
  const cell = (row: CostRow, column: CostDimension) =>
    printable(
      column === "model" ? `${row.provider}/${row.model}` : String(row[column] ?? "(none)"),
    );
  const sum = rows.reduce((all, { usd }) => all + usd, 0);
  const unpriced = rows.reduce((all, row) => all + row.unpriced, 0);
  return [
    ...output.table(
      [...columns, "calls", "in", "cached", "out", "USD"],
      rows.map((row) => [
        ...columns.map((column) => cell(row, column)),
        String(row.calls),
        String(row.inputTokens),
        String(row.cacheReadTokens),
        String(row.outputTokens),
        usd(row.usd) + (row.unpriced > 0 ? `, and ${row.unpriced} without a price` : ""),
      ]),
    ),
    `${usd(sum)} USD in total${unpriced > 0 ? `; ${count(unpriced, "call has", "calls have")} no known price` : ""}.`,
  ];
}

/** Shows more digits for small amounts, because one call often costs less than a cent. */
const usd = (amount: number) => amount.toFixed(amount >= 100 ? 2 : amount >= 1 ? 4 : 6);

async function showBudgets(options: CostOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const budgets = dataOf(await mayfly.costs.budgets.list());
  output.answer({ budgets }, () =>
    budgets.length === 0
      ? ["There are no budgets."]
      : output.table(
          ["of", "period", "spent", "held", "limit", "tokens"],
          budgets.map((one) => [
            one.level === "tenant" ? "the tenant" : `${one.level} ${printable(one.subject)}`,
            one.period,
            usd(one.spentUsd),
            usd(one.heldUsd),
            limitOf(one),
            one.hardTokens === null
              ? String(one.spentTokens)
              : `${one.spentTokens} of ${one.hardTokens}`,
          ]),
        ),
  );
  return undefined;
}

const limitOf = ({ hardUsd, softUsd }: Budget) =>
  [hardUsd !== null && `${hardUsd} hard`, softUsd !== null && `${softUsd} soft`]
    .filter(Boolean)
    .join(", ") || "none";

async function showPrice(
  model: string,
  options: ProjectOptions,
  { output }: Session,
): Promise<number | undefined> {
  const at = model.indexOf("/");
  if (at < 1) throw usage(`"${model}" has no provider.`, "Pass provider/model.");
  const { mayfly } = await openProject(options, output);
  const price = dataOf(await mayfly.costs.price(model.slice(0, at), model.slice(at + 1)));
  output.answer({ price }, () =>
    price ? linesOf(price) : [`The price of ${printable(model)} is not known.`],
  );
  return price ? undefined : 1;
}

const linesOf = ({ of, exact, units }: ModelPrice): string[] => [
  exact
    ? `${printable(of)}:`
    : `This model probably costs as much as ${printable(of)}, but a hard budget refuses it:`,
  ...Object.entries(units).map(([unit, steps]) => {
    const per = unit === "requests" || unit === "web_searches" ? "1,000" : "million tokens";
    const told = steps.map(([above, price]) =>
      above === 0 ? `${price} USD` : `${price} above ${above.toLocaleString("en-US")} in`,
    );
    return `  ${unit.padEnd(16)} ${told.join(", ")} a ${per}`;
  }),
  ...(Object.keys(units).length === 0 ? ["  free of charge"] : []),
];

async function importPrices(
  file: string | undefined,
  options: ProjectOptions,
  { output }: Session,
): Promise<undefined> {
  let data: PriceData;
  try {
    // Loaded only here, because the file has two megabytes and no other command reads it.
    const { packagedPrices, pricesOf } = await import("./price-data.ts");
    data = file === undefined ? packagedPrices() : await pricesOf(file);
  } catch (error) {
    throw usage(
      `${file} cannot be read as prices: ${(error as Error).message.split("\n")[0]}`,
      "See docs/costs.md for the format.",
    );
  }
  const { mayfly } = await openProject(options, output);
  const done = dataOf(await mayfly.costs.importPrices(data.prices, data.source));
  output.answer({ ...done, source: data.source }, () => [
    `${count(done.models, "model")} of ${data.source}: ${done.changed} new or changed, from now on.`,
  ]);
  return undefined;
}
