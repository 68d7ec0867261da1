/**
 * Compares workflows with other engines on the same Postgres, in turns. Measures four durations: from one
 * step to the next; from a signal until the run continues; of a map of 500 children; and until a run with
 * 5,000 recorded steps continues. The other engines are installed the first time (`npm ci` in
 * jobs/opponents).
 *
 *   DATABASE_URL=postgresql://… node tests/bench/workflows.ts [--quick] [steps signals map resume] [absurd dbos openworkflow]
 */
import { openPostgresDatabase } from "#harness/database";
import { installOpponents } from "./jobs/packages.ts";
import { quartiles } from "./lib/measure.ts";
import { report } from "./lib/report.ts";
import { rounds } from "./lib/target.ts";
import type { Engine, Program } from "./workflows/engine.ts";
import { openAbsurd, openDbos, openOpenWorkflow } from "./workflows/opponents.ts";
import { openOurs } from "./workflows/ours.ts";

installOpponents();
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const engines = { absurd: openAbsurd, dbos: openDbos, openworkflow: openOpenWorkflow };
const names = Object.keys(engines);
const parts = chosen.filter((word) => !names.includes(word));
const against = chosen.filter((word) => names.includes(word));
const isChosen = (part: string) => parts.length === 0 || parts.includes(part);

/** The time that pgflow has published for a map of 500 on its platform, in seconds. */
const pgflowSeconds = 87;
const runs = { steps: rounds(5, 2), signals: rounds(60, 20), map: rounds(3, 1) };
const many = 5_000;

let tell: (what: unknown) => void = () => {};
/** The next event of this type that a program reports. */
const told = <T>(type: "number" | "string" | "object") =>
  new Promise<T>((resolve) => {
    tell = (what) => typeof what === type && resolve(what as T);
  });
const programs: Record<string, Program> = {
  async steps({ count }, ctx) {
    const at = [performance.now()];
    for (let n = 0; n < count; n++) {
      await ctx.step(`s${n}`, () => n);
      at.push(performance.now());
    }
    tell(at.slice(1).map((now, n) => now - (at[n] ?? now)));
  },
  async signals(_, ctx) {
    tell("waits");
    await ctx.wait();
    tell(performance.now());
  },
  async map({ count }, ctx) {
    tell(await ctx.children(count));
  },
  async resume({ count }, ctx) {
    for (let n = 0; n < count; n++) await ctx.step(`s${n}`, () => n);
    tell("waits");
    // After the signal, a run that slept starts again and reads its recorded steps until it reaches this line.
    await ctx.wait();
    tell(performance.now());
  },
};

const db = await openPostgresDatabase({ durable: true });
const figures: Record<string, Record<string, number>> = {};
const put = (engine: string, figure: string, value: number) => {
  figures[figure] = { ...figures[figure], [engine]: value };
};
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const at = (values: number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
/** Waits until a waiting run has gone to sleep, in any engine: the worker has nothing else to do. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 300));
let counter = 0;
const begin = (engine: Engine, kind: string, count: number) =>
  engine.start({ id: `r${++counter}-${process.pid}`, kind, count });

for (const open of [
  () => openOurs(db, programs),
  ...names
    .filter((name) => against.length === 0 || against.includes(name))
    .map((name) => () => engines[name as keyof typeof engines](programs)),
]) {
  const engine = await open();
  const { name } = engine;
  if (isChosen("steps")) {
    const all: number[] = [];
    for (let n = 0; n < runs.steps; n++) {
      const run = told<number[]>("object");
      await begin(engine, "steps", 500);
      all.push(...(await run).slice(5));
    }
    put(name, "from step to step, third quartile", quartiles(all).q3);
  }
  if (isChosen("signals")) {
    const all: number[] = [];
    for (let n = 0; n < runs.signals; n++) {
      const waits = told("string");
      await begin(engine, "signals", 0);
      await waits;
      await settled();
      const resumed = told<number>("number");
      const began = performance.now();
      await engine.signal(`r${counter}-${process.pid}`);
      const end = await resumed;
      all.push(end - began);
    }
    put(name, "from signal to resume, median", at(all, 0.5));
    put(name, "from signal to resume, p99", at(all, 0.99));
  }
  const maps =
    "startGraph" in engine
      ? ([
          ["map of 500", engine],
          ["map of 500, as a graph", { ...engine, start: engine.startGraph }],
        ] as const)
      : ([["map of 500", engine]] as const);
  if (isChosen("map"))
    for (const [figure, mapping] of maps) {
      const all: number[] = [];
      for (let n = 0; n < runs.map; n++) {
        const ended = told<number>("number");
        const began = performance.now();
        await begin(mapping as Engine, "map", 500);
        if ((await ended) !== (499 * 500) / 2) throw new Error(`${name} lost children.`);
        all.push((performance.now() - began) / 1_000);
      }
      put(name, figure, mean(all));
    }
  if (isChosen("resume"))
    for (const count of [10, many]) {
      const waits = told("string");
      await begin(engine, "resume", count);
      await waits;
      await settled();
      const resumed = told<number>("number");
      const began = performance.now();
      await engine.signal(`r${counter}-${process.pid}`);
      const end = await resumed;
      put(name, `from signal to the end of a run with ${count} recorded steps`, end - began);
    }
  await engine.close();
}
for (const [figure, values] of Object.entries(figures)) {
  const { mayfly: ours = Number.NaN, ...theirs } = values;
  const row = {
    bench: "workflows",
    on: "postgres" as const,
    name: figure,
    unit: figure.startsWith("map") ? "s" : "ms",
    ours,
  };
  for (const [engine, baseline] of Object.entries(theirs))
    report({ ...row, against: engine, baseline, ratio: ours / baseline });
  if (Object.keys(theirs).length === 0) report(row);
  if (figure.startsWith("map"))
    report({
      ...row,
      against: "pgflow, as published",
      baseline: pgflowSeconds,
      ratio: ours / pgflowSeconds,
    });
}
await db.close();
