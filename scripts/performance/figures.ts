// Results of the benchmarks as Markdown.
import { slope } from "../../tests/bench/lib/measure.ts";
import { type Row, round } from "../../tests/bench/lib/report.ts";

/** A row with the circumstances in which it was measured. */
export interface Measured extends Row {
  /** The day, as `2026-11-30`. */
  at: string;
  /**
   * How many processes wanted a core when the benchmark began. Set only if there were more processes
   * than cores, because the times are then too long.
   */
  load?: number;
  /** Whether the row was measured with small sizes and few rounds. */
  quick?: boolean;
  /** The machine. A few old rows lack this, because nobody noted it then. */
  machine?: string;
}

/** What `npm run bench` writes. */
export interface Results {
  at: string;
  machine: { cpus: number; model?: string; memory: number };
  node: string;
  quick: boolean;
  load?: number;
  /** The benchmarks that ran as a whole. */
  whole: string[];
  rows: Row[];
}

const keyOf = ({ bench, name, on, size, against }: Row) =>
  JSON.stringify([bench, name, on, size, against]);

/**
 * Replaces the rows that were measured again. If all of a benchmark ran, replaces all its rows on
 * the same database.
 */
export function renewed(
  known: Measured[],
  { rows, whole, at, load, quick, node, machine: { cpus, model = "unknown", memory } }: Results,
): Measured[] {
  const isBusy = load !== undefined && load > cpus;
  const machine = `${cpus} cores of ${model}, ${Math.round(memory / 2 ** 30)} GiB, Node ${node.slice(1)}`;
  const short = (value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(4)) : value;
  const later: Measured[] = rows.map((row) => ({
    ...(JSON.parse(JSON.stringify(row, (_, value) => short(value))) as Row),
    at: at.slice(0, 10),
    ...(isBusy ? { load: Math.round(load) } : {}),
    ...(quick ? { quick } : {}),
    machine,
  }));
  const again = new Set(later.map(keyOf));
  const isOver = (row: Row) =>
    again.has(keyOf(row)) ||
    (whole.includes(row.bench) &&
      later.some(({ bench, on }) => bench === row.bench && on === row.on));
  return [...known.filter((row) => !isOver(row)), ...later];
}

const about: Record<string, { title: string; says?: string }> = {
  spawn: { title: "Spawning agents, and stopping agents with their descendants" },
  push: {
    title: "Pushing and pulling",
    says: "A push of 100 has 100 abstracts of one kilobyte each. Without vectors, the goal is a ratio of 1.6.",
  },
  recall: {
    title: "Recall",
    says: "For whole recalls, the CPU time of the server's process is measured. The goal is 2 × the plain queries + 0.5 ms for checks and fusion, so a ratio of at most 1 meets it. Without conversations and private memories, each recall meets the goal: by words, by meaning and by both. With them, two parts of the bench take up to a fourteenth more: a rare word in conversations, and a rare word with private memories, both with 10,000 memories. The search itself is so fast there that the checks around it count most. In conversations, the plain queries also read the two memories before and after each result, as recall does to rank. With private memories, a third of the memories is hidden from the caller, and the plain query is told who is asking, while recall finds out. If the question has a word that is in every memory, a recall with 10,000 memories takes only a tenth of the goal, and with 100,000 a fiftieth. With private memories, it takes three quarters: fewer than ten memories with the rare word are visible, so the common word is searched too.",
  },
  quality: { title: "What recall finds" },
  messages: { title: "Messages" },
  nudges: { title: "Nudges, batched and not batched" },
  policies: { title: "What row-level security costs" },
  growth: { title: "How each part grows with the data" },
  debug: { title: "Debug records while nobody watches" },
  "first-record": {
    title: "The first debug record of a new agent",
    says: "Somebody already watches all agents. The goal is 100 ms.",
  },
  jobs: { title: "Jobs" },
  workflows: {
    title: "Workflows",
    says: "From step to step, the goal is 2 ms. From signal to resume, it is a median of 8 ms and a p99 of 40 ms.",
  },
  runs: { title: "Runs of agents" },
  teams: {
    title: "Teams",
    says: "The goal for closing a poll is 50 ms. The goal for the work of 50 agents is a ratio of 1.2.",
  },
  releases: { title: "Frequent calls, compared with release 0.1.0" },
  start: { title: "Starting the embedded Supabase" },
  peer: { title: "The same work on a peer" },
};

export function figures(rows: Measured[], charts: string[]): string {
  const parts = Object.entries(about).flatMap(([bench, { title, says }]) => {
    const own = rows.filter((row) => row.bench === bench);
    if (own.length === 0) return [];
    const shown = bench === "growth" ? growthTable(own) : table(own);
    const when = timesOf(own).length === 1 ? [`Measured ${timesOf(own)[0]}.`] : [];
    const text = [...when, ...(says ? [says] : [])].join(" ");
    return [
      [`## ${title}`, `\`${commandOf(own)}\``, ...(text ? [text] : []), shown].join("\n\n"),
      ...charts.filter((chart) => chart.includes(`/${bench}-`)),
    ];
  });
  const notes =
    "`quick` marks measurements with small sizes and few rounds. If a load is given, the machine was busy with other work: trust the ratios, not the times.";
  return `${notes}\n\n${machinesOf(rows)}\n\n${parts.join("\n\n")}\n`;
}

/** A list of the days and their machines. */
function machinesOf(rows: Measured[]): string {
  const known = rows.flatMap(({ at, machine }) => (machine ? [`- ${at}: ${machine}`] : []));
  return [...new Set(known)].sort().join("\n");
}

const commandOf = (rows: Measured[]) =>
  `npm run bench -- ${rows.every(({ quick }) => quick) ? "--quick " : ""}${rows[0]?.bench}`;

const timeOf = ({ at, load, quick }: Measured) =>
  [at, ...(load ? [`load ${load}`] : []), ...(quick ? ["quick"] : [])].join(", ");
const timesOf = (rows: Measured[]) => [...new Set(rows.map(timeOf))];

function table(rows: Measured[]): string {
  const isMixed = timesOf(rows).length > 1;
  const lines = rows.map((row) => {
    const { name, size, on, unit, ours, against, baseline, ratio, spread } = row;
    const what = size === undefined ? name : `${name}, with ${count(size)} stored`;
    const other = baseline === undefined ? "" : `${amount(baseline, unit)} (${against})`;
    const range = spread ? ` (${spread.map(round).join("–")})` : "";
    const compared = ratio === undefined ? "" : `${round(ratio)}${range}`;
    const cells = [what, on, amount(ours, unit), other, compared];
    return `| ${[...cells, ...(isMixed ? [timeOf(row)] : [])].join(" | ")} |`;
  });
  const heads = ["measurement", "on", "Mayfly", "compared with", "ratio (quartiles)"];
  if (isMixed) heads.push("measured");
  return `| ${heads.join(" | ")} |\n|${" --- |".repeat(heads.length)}\n${lines.join("\n")}`;
}

/**
 * A table with the times in milliseconds, in a column for each size, and how they grow: a slope of 0
 * means constant, 1 means linear.
 */
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
  return `| measurement | on | ${heads} | slope |\n| ${"--- | ".repeat(sizes.length + 3)}\n${lines.join("\n")}`;
}

const count = (size: number) => size.toLocaleString("en");
const amount = (value: number, unit: string) => `${round(value)} ${unit}`;

/**
 * The rows that the README shows, each with a sentence. A row is found by its benchmark and by the
 * start of its name.
 */
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
    say: ({ ours }) => `one caller spawns ${round(ours)} agents a second, each with a signed token`,
  },
  {
    bench: "push",
    name: "a push of 100 with vectors",
    on: "postgres",
    say: ({ ratio = 0 }) =>
      `pushing 100 memories with vectors, with log, quotas and row-level security: ${round(ratio)} × the time of a plain insert`,
  },
  {
    bench: "push",
    name: "a page of 100 events at the end",
    on: "postgres",
    say: ({ ours }) =>
      `reading 100 events at the end of a long log, while a transaction as old as the log is open: ${round(ours)} ms`,
  },
  {
    bench: "recall",
    name: "the vector part, recall@10",
    on: "postgres",
    size: 100_000,
    say: ({ ours }) =>
      `recall finds ${round(ours)} % of the ten best of 100,000 memories, in a database with 200,000 memories of 101 tenants`,
  },
  {
    bench: "recall",
    name: "the vector part",
    on: "postgres",
    size: 100_000,
    say: ({ ours, ratio = 0 }) =>
      `the vector search of that recall takes ${round(ours)} ms, ${round(ratio)} × the time of the fastest plain HNSW query that finds as many`,
  },
  {
    bench: "messages",
    name: "durable message, from the return of send",
    on: "postgres",
    say: ({ ours }) =>
      `a durable message reaches its handler, in another process, ${round(ours)} ms after \`send\` returns`,
  },
  {
    bench: "policies",
    name: "the newest 50 memories",
    on: "postgres",
    say: ({ ratio = 0 }) =>
      `reading the newest 50 memories under row-level security: ${round(ratio)} × the time without policies`,
  },
  {
    bench: "debug",
    name: "debug.tool, off",
    on: "the SDK",
    say: ({ ours }) => `recording a debug record that nobody watches: ${round(ours)} ns`,
  },
  {
    bench: "start",
    name: "idle memory",
    on: "pglite",
    say: ({ ours }) => `the embedded Supabase, idle: ${round(ours)} MB`,
  },
];

export function headlines(rows: Measured[]): string {
  const lines = picks.flatMap(({ bench, name, on, size, say }) => {
    const row = rows.find(
      (row) =>
        row.bench === bench &&
        row.on === on &&
        row.name.startsWith(name) &&
        (size === undefined || row.size === size),
    );
    return row ? [`| ${say(row)} | \`${commandOf([row])}\` |`] : [];
  });
  return `| measurement | command |\n| --- | --- |\n${lines.join("\n")}\n`;
}

interface Charted {
  file: string;
  title: string;
  /** The unit of the horizontal axis. */
  axis: string;
  rows: Row[];
}

/** Times by size, for each benchmark with several sizes, on each database. */
export function charted(rows: Row[]): Charted[] {
  const titles = { growth: "Growth", recall: "Recall by the size of the tenant" };
  // Eleven lines would be too many to tell apart.
  const isLeftOut = (row: Row) =>
    row.bench === "recall" && / (in|with) [a-z]+/.test(row.name.split(",")[1] ?? "");
  return Object.entries(titles).flatMap(([bench, title]) =>
    [...new Set(rows.map(({ on }) => on))].flatMap((on) => {
      const own = rows.filter(
        (row) =>
          row.bench === bench &&
          row.on === on &&
          !isLeftOut(row) &&
          row.unit.startsWith("ms") &&
          row.size !== undefined,
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
