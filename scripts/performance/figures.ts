// Results of the benchmarks as Markdown.
import { slope } from "../../tests/bench/lib/measure.ts";
import { type Row, round } from "../../tests/bench/lib/report.ts";

/** As tests/bench/index.ts writes them. */
export interface Results {
  at: string;
  machine: { cpus: number; model?: string; memory: number };
  node: string;
  /** The benchmarks that ran with `--quick`. */
  quick: string[];
  /** Processes that wanted a core when it began; above their number the times are too long. */
  load?: number;
  rows: Row[];
}

const about: Record<string, string> = {
  spawn: "Spawning agents, and stopping families of them",
  push: "Pushing and pulling",
  recall: "Recall",
  quality: "What recall finds",
  messages: "Messages",
  nudges: "Nudges, gathered and not",
  policies: "What row-level security costs",
  growth: "How each part grows with the data",
  debug: "Debug records while nobody watches",
  jobs: "Jobs",
  releases: "The hot calls against release 0.1.0",
  start: "Starting the embedded Supabase",
  peer: "The same work on a peer",
};

export function figures(results: Results, charts: string[]): string {
  const parts = Object.entries(about).flatMap(([bench, title]) => {
    const rows = results.rows.filter((row) => row.bench === bench);
    if (rows.length === 0) return [];
    const own = charts.filter((chart) => chart.includes(`/${bench}-`));
    const shown = bench === "growth" ? growthTable(rows) : table(rows);
    return [`### ${title}\n\n\`${commandOf(bench, results)}\`\n\n${shown}`, ...own];
  });
  return `${circumstances(results)}\n\n${parts.join("\n\n")}\n`;
}

const commandOf = (bench: string, { quick }: Results) =>
  `npm run bench -- ${quick.includes(bench) ? "--quick " : ""}${bench}`;

function circumstances({ at, machine, node, quick, load = 0 }: Results): string {
  const memory = Math.round(machine.memory / 2 ** 30);
  const sizes = quick.length > 0 ? " Those by `--quick` are of small sizes and few rounds." : "";
  const busy =
    load > machine.cpus
      ? ` The machine was busy with other work (load ${round(load)}): trust the ratios, not the times.`
      : "";
  return `Measured ${at.slice(0, 10)} on ${machine.cpus} cores (${machine.model ?? "unknown"}), ${memory} GiB, Node ${node.slice(1)}.${sizes}${busy}`;
}

function table(rows: Row[]): string {
  const lines = rows.map(({ name, size, on, unit, ours, against, baseline, ratio, spread }) => {
    const what = size === undefined ? name : `${name}, ${count(size)} there`;
    const other = baseline === undefined ? "" : `${against} ${amount(baseline, unit)}`;
    const range = spread ? ` (${spread.map(round).join("–")})` : "";
    const compared = ratio === undefined ? "" : `${round(ratio)}${range}`;
    return `| ${what} | ${on} | ${amount(ours, unit)} | ${other} | ${compared} |`;
  });
  return `| what | on | ours | against | ratio (quartiles) |\n| --- | --- | --- | --- | --- |\n${lines.join("\n")}`;
}

/** A column for each size, in milliseconds, and the slope: 0 is constant, 1 linear. */
function growthTable(rows: Row[]): string {
  const sizes = [...new Set(rows.map(({ size = 0 }) => size))].sort((a, b) => a - b);
  const lines = [...new Set(rows.map(({ name, on }) => `${name} | ${on}`))].map((line) => {
    const own = rows.filter(({ name, on }) => `${name} | ${on}` === line);
    const times = sizes.map((size) => own.find((row) => row.size === size)?.ours);
    const points = own.map(({ size = 0, ours }) => ({ x: size, y: ours }));
    const cells = times.map((time) => (time === undefined ? "" : round(time)));
    return `| ${line} | ${cells.join(" | ")} | ${slope(points).toFixed(2)} |`;
  });
  const heads = sizes.map((size) => `ms at ${count(size)}`).join(" | ");
  return `| what | on | ${heads} | slope |\n| ${"--- | ".repeat(sizes.length + 3)}\n${lines.join("\n")}`;
}

const count = (size: number) => size.toLocaleString("en");
const amount = (value: number, unit: string) => `${round(value)} ${unit}`;

/** For the README: a row of a benchmark by the beginning of its name, and how to say it. */
const picks: {
  bench: string;
  name: string;
  on: string;
  size?: number;
  say: (row: Row) => string;
}[] = [
  {
    bench: "spawn",
    name: "agents spawned a second",
    on: "postgres",
    say: ({ ours }) => `${round(ours)} agents spawned a second by one caller, tokens signed`,
  },
  {
    bench: "push",
    name: "a push of 100 with vectors",
    on: "postgres",
    say: ({ ours, ratio = 0 }) =>
      `100 memories with vectors pushed in ${round(ours)} ms: ${round(ratio)} × a plain insert, with log, quotas and row-level security`,
  },
  {
    bench: "push",
    name: "a page of 100 events at the end",
    on: "postgres",
    say: ({ ours }) =>
      `100 events read at the end of a long log, beside a transaction as old as all of it: ${round(ours)} ms`,
  },
  {
    bench: "recall",
    name: "the vector part, recall@10",
    on: "postgres",
    size: 100_000,
    say: ({ ours }) =>
      `of the best ten of 100,000 memories, in a database of 200,000 and 101 tenants, recall finds ${round(ours * 100)} %`,
  },
  {
    bench: "recall",
    name: "the vector part",
    on: "postgres",
    size: 100_000,
    say: ({ ours, ratio = 0 }) =>
      `by vectors in ${round(ours)} ms: ${round(ratio)} × the fastest plain HNSW query that finds as many`,
  },
  {
    bench: "messages",
    name: "durable message, from the return of send",
    on: "postgres",
    say: ({ ours }) =>
      `a durable message is with its handler, in another process, ${round(ours)} ms after \`send\` has returned`,
  },
  {
    bench: "policies",
    name: "the newest 50 memories",
    on: "postgres",
    say: ({ ratio = 0 }) =>
      `the newest 50 memories under row-level security: ${round(ratio)} × the time without`,
  },
  {
    bench: "debug",
    name: "debug.tool, off",
    on: "the SDK",
    say: ({ ours }) => `a debug record that nobody watches: ${round(ours)} ns`,
  },
  {
    bench: "start",
    name: "idle memory",
    on: "pglite",
    say: ({ ours }) => `the embedded Supabase, idle: ${round(ours)} MB`,
  },
];

export function headlines(results: Results): string {
  const lines = picks.flatMap(({ bench, name, on, size, say }) => {
    const row = results.rows.find(
      (row) =>
        row.bench === bench &&
        row.on === on &&
        row.name.startsWith(name) &&
        (size === undefined || row.size === size),
    );
    return row ? [`| ${say(row)} | \`${commandOf(bench, results)}\` |`] : [];
  });
  return `| measured | by |\n| --- | --- |\n${lines.join("\n")}\n`;
}

interface Charted {
  file: string;
  title: string;
  /** What the horizontal axis counts. */
  axis: string;
  rows: Row[];
}

/** Times by size, of each benchmark that has several, on each database. */
export function charted(rows: Row[]): Charted[] {
  const titles = { growth: "Growth", recall: "Recall by the size of the tenant" };
  return Object.entries(titles).flatMap(([bench, title]) =>
    [...new Set(rows.map(({ on }) => on))].flatMap((on) => {
      const own = rows.filter(
        (row) => row.bench === bench && row.on === on && row.unit === "ms" && row.size,
      );
      const sizes = new Set(own.map(({ size }) => size));
      if (sizes.size < 2) return [];
      return [
        {
          file: `${bench}-${on}.svg`,
          title: `${title}, on ${on}`,
          axis: "memories of the tenant",
          rows: own,
        },
      ];
    }),
  );
}
