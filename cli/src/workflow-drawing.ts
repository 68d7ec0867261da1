/** Runs as Mermaid diagrams (https://mermaid.js.org/syntax/flowchart.html). */
import type { Checkpoint, GraphDefinition, GraphStep, WorkflowQuery } from "@mayfly/sdk";
import { printable } from "./format-values.ts";

/** Escapes the characters at which Mermaid would end a label. */
const label = (text: string) =>
  printable(text)
    .slice(0, 80)
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;");

const shapes: Partial<Record<Checkpoint["kind"], [string, string]>> = {
  signal: ["[/", "/]"],
  sleep: ["([", "])"],
  child: ["[[", "]]"],
  approve: ["{{", "}}"],
  any: ["{", "}"],
};

/** Draws what a run has recorded, from top to bottom, and what it waits for. */
export function drawRun(run: WorkflowQuery, checkpoints: Checkpoint[]): string[] {
  const drawn = checkpoints.filter(
    ({ kind }) => !["timer", "asked", "begun", "report"].includes(kind),
  );
  const nodes = drawn.map(({ kind, name }, at) => {
    const [open, close] = shapes[kind] ?? ["[", "]"];
    return `  s${at}${open}"${label(name)}"${close}`;
  });
  const path = ["begin", ...drawn.map((_, at) => `s${at}`), "end_"];
  const waits = (run.waitsFor ?? []).map((name) => `waits for ${name}`).join(", ");
  return [
    "flowchart TD",
    `  begin(("${label(`${run.name} ${run.version}`)}"))`,
    ...nodes,
    `  end_(("${label(waits || run.status)}"))`,
    ...path.slice(1).map((to, at) => `  ${path[at]} --> ${to}`),
  ];
}

/** The status of a step of a graph, according to the records of its run. */
function standOf(step: string, checkpoints: Checkpoint[]): string {
  const own = checkpoints.find(({ name }) => name === step)?.result;
  if (own) return String((own as { status?: unknown }).status);
  return checkpoints.some(({ name }) => name === `${step}: begun`) ? "begun" : "open";
}

const about = ({ map, when, job }: GraphStep) => [
  ...(job ? [`runs ${job}`] : []),
  ...(map ? [`for each of ${map}`] : []),
  ...(when ? [`when ${when}`] : []),
];

/**
 * Draws a graph with an arrow for each need, dotted if it is optional. For a run, it also shows the
 * status of each step.
 */
export function drawGraph(graph: GraphDefinition, checkpoints?: Checkpoint[]): string[] {
  const steps = Object.entries(graph.steps);
  const edges = (arrow: string, of: (step: GraphStep) => string[] | undefined) =>
    steps.flatMap(([name, step]) => (of(step) ?? []).map((need) => `  ${need} ${arrow} ${name}`));
  return [
    "flowchart TD",
    ...steps.map(([name, step]) => {
      const [open, close] = step.when ? ["{{", "}}"] : step.map ? ["[[", "]]"] : ["[", "]"];
      const state = checkpoints ? `:::${standOf(name, checkpoints)}` : "";
      const text = [name, ...about(step)].map(label).join("<br/>");
      return `  ${name}${open}"${text}"${close}${state}`;
    }),
    ...edges("-->", ({ needs }) => needs),
    ...edges("-.->", ({ optional }) => optional),
    ...(checkpoints ? classes : []),
  ];
}

const classes = [
  "  classDef succeeded fill:#d5f0dc,stroke:#2b8a3e",
  "  classDef begun fill:#fff3bf,stroke:#e67700",
  "  classDef failed fill:#ffe0e0,stroke:#c92a2a",
  "  classDef skipped stroke-dasharray:4",
  "  classDef open fill:#f5f5f5",
];

/** A graph as text. Each step comes after the steps that it waits for. */
export function listGraph({ steps }: GraphDefinition): string[] {
  const left = new Map(Object.entries(steps));
  const lines: string[] = [];
  while (left.size > 0) {
    const ready = [...left].filter(
      ([, { needs = [], optional = [] }]) =>
        ![...needs, ...optional].some((need) => left.has(need)),
    );
    if (ready.length === 0) break;
    for (const [name, step] of ready) {
      left.delete(name);
      const { needs = [], optional = [] } = step;
      const waits = [...needs, ...optional.map((need) => `${need} (optional)`)];
      const line = [...(waits.length > 0 ? [`behind ${waits.join(", ")}`] : []), ...about(step)];
      lines.push([name, ...line].map(printable).join("  "));
    }
  }
  return lines;
}
